"""What comes over the wire and does not fit is named by place and kind, never by its content."""

from __future__ import annotations

import json
from pathlib import Path
from uuid import UUID

import pytest

from services.reconciliation.domain.model import Component
from services.reconciliation.translate import confirmation_lines, contract
from shared.contracts.invoicing.v1 import ContractChanged
from shared.kernel.errors import ContractError

EXAMPLES_DIR = Path(__file__).parents[3] / "shared" / "contracts" / "examples"
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


def test_a_payment_order_that_names_a_part_twice_is_not_taken() -> None:
    example = EXAMPLES_DIR / "contract-changed" / "v1" / "all-terms-given.json"
    terms = json.loads(example.read_text())
    assert contract(ContractChanged.model_validate(terms)).payment_order[0] is Component.PRINCIPAL
    terms["payment_order"] = ["costs", "costs", "interest", "principal"]
    with pytest.raises(ContractError, match="does not name each part once"):
        contract(ContractChanged.model_validate(terms))
