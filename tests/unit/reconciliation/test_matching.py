"""Two of three must agree: invoice number, order number, debtor number."""

from __future__ import annotations

import pytest

from services.reconciliation.domain.matching import Mismatch, match
from services.reconciliation.domain.model import Position
from tests.unit.reconciliation.builders import ORDER_NUMBER, a_book, a_position, a_row

OURS, OTHER = "10001", "10002"


@pytest.mark.parametrize(
    ("invoice", "order", "debtor", "found"),
    [
        ("2026-000001", ORDER_NUMBER, OURS, "2026-000001"),
        ("2026-000001", ORDER_NUMBER, "99999", "2026-000001"),
        ("2026-000001", "CMD-2026-0099", OURS, "2026-000001"),
        ("2026-000001", None, OURS, "2026-000001"),
        ("2026-000001", ORDER_NUMBER, None, "2026-000001"),
        ("2026-000001", "CMD-2026-0099", "99999", "wrong-practice"),
        ("2026-000001", None, None, "order-mismatch"),
        ("2026-000001", "CMD-2026-0099", OTHER, "order-mismatch"),
        ("2026-000009", ORDER_NUMBER, OURS, "unknown-invoice"),
        (None, ORDER_NUMBER, OTHER, "2026-000002"),
        (None, ORDER_NUMBER, "99999", "unknown-invoice"),
        (None, "CMD-2026-0099", OTHER, "unknown-invoice"),
        (None, None, None, "unknown-invoice"),
    ],
)
def test_a_row_is_matched_by_two_of_three(
    invoice: str | None, order: str | None, debtor: str | None, found: str
) -> None:
    book = a_book(a_position(), a_position("2026-000002", debtor_number=OTHER))
    book.known.debtor_numbers = frozenset({OURS, OTHER})
    row = a_row(invoice_number=invoice, order_number=order, debtor_number=debtor)
    result = match(row, book.known)
    assert (result.reason if isinstance(result, Mismatch) else result.invoice_number) == found


def test_a_row_without_invoice_number_that_fits_two_invoices_matches_neither() -> None:
    known = a_book(a_position(), a_position("2026-000002")).known
    result = match(a_row(invoice_number=None), known)
    assert not isinstance(result, Position)
    assert "fit 2 of ours" in result.detail
