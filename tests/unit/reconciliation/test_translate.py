"""What comes over the wire and does not fit is named by place and kind, never by its content."""

from __future__ import annotations

from uuid import UUID

import pytest

from services.reconciliation.translate import confirmation_lines
from shared.kernel.errors import ContractError

ORDER, PRACTICE = UUID(int=1), UUID(int=2)


def test_a_broken_confirmation_document_is_told_without_a_word_of_it() -> None:
    data = (
        f'{{"order_id": "{ORDER}", "practice_id": "{PRACTICE}",'
        ' "lines": [{"invoice_id": "Erika Muster", "invoice_number": "2026-000001"}]}'
    )
    with pytest.raises(ContractError) as refused:
        confirmation_lines(data.encode(), order_id=ORDER, practice_id=PRACTICE)
    assert "lines.0.invoice_id: uuid_parsing" in str(refused.value)
    assert "Muster" not in str(refused.value)
