"""Two of three must agree: invoice number, order number, debtor number."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest

from services.reconciliation.domain.matching import Known, Mismatch, by_numbers, match
from services.reconciliation.domain.model import Debt, Position
from shared.kernel.money import Money
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


def test_a_number_means_the_invoice_that_the_factor_has_until_its_order_says_another() -> None:
    old = replace(a_position(), invoice_number="RE-4711", debt=Debt(), acquittal=None)
    new = replace(
        a_position(),
        invoice_number="RE-4711.2",
        invoice_id=UUID(int=4711),
        document_number="RE-4711",
    )
    orders_of = {old.invoice_id: frozenset({"CMD-1"}), new.invoice_id: frozenset({"CMD-2"})}
    by_number, namesakes = by_numbers([old, new], orders_of)
    known = Known(by_number=by_number, namesakes=namesakes, orders_of=orders_of)
    row = a_row(invoice_number="RE-4711", order_number="CMD-2", debtor_number=OURS)
    assert match(row, known) == new
    assert match(replace(row, order_number="CMD-9"), known) == new
    assert match(replace(row, order_number="CMD-1"), known) == old
    assert match(replace(row, invoice_number="RE-4711.2"), known) == new


def test_a_booking_moves_on_whatever_number_means_the_invoice() -> None:
    new = replace(a_position(), invoice_number="RE-4711.2", document_number="RE-4711")
    known = Known(*by_numbers([new], {}))
    moved = replace(new, debt=Debt(Money(1)))
    known.move_on(moved)
    assert {known.by_number["RE-4711"], known.by_number["RE-4711.2"]} == {moved}
    assert known.all() == [moved]
