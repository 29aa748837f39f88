"""What comes over the wire and does not fit is named by place and kind, never by its content."""

from __future__ import annotations

import pytest

from services.orders.translate import arrival_of
from shared.kernel.errors import ContractError


def test_a_broken_arrival_document_is_told_without_a_word_of_it() -> None:
    with pytest.raises(ContractError) as refused:
        arrival_of(b'{"order_id": "Erika Muster", "practice_id": 1, "lines": []}')
    assert "order_id: uuid_parsing" in str(refused.value)
    assert "Muster" not in str(refused.value)
