"""What is told of a broken document names places, and nothing that stands there."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from shared.contracts.faults import where_wrong
from shared.contracts.orders.v1 import ConfirmationDocument


def test_places_and_kinds_are_told_and_no_content() -> None:
    secret = "Muster-Patient-7f3a"
    document = (
        f'{{"order_id": "{secret}", "practice_id": 1, "lines": [{{"invoice_id": "{secret}"}}]}}'
    )
    with pytest.raises(ValidationError) as refused:
        ConfirmationDocument.model_validate_json(document)
    told = where_wrong(refused.value)
    assert secret not in told
    assert "order_id: uuid_parsing" in told
    assert "more" in told, "only the first few are told"


def test_what_is_no_document_at_all_is_told_as_such() -> None:
    with pytest.raises(ValidationError) as refused:
        ConfirmationDocument.model_validate_json(b"\xff\x00Muster")
    assert where_wrong(refused.value).startswith("document: ")
    assert "Muster" not in where_wrong(refused.value)
