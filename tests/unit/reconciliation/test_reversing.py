"""Recourse, loss, reversal and movements of the account, one refusal at a time."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

import pytest

from services.reconciliation.domain.booking import BatchBook, Booked, Decision, Parked
from services.reconciliation.domain.journal import as_text as postings_as_text
from services.reconciliation.domain.model import Debt, LiveAcquittal
from shared.kernel.money import Money
from tests.unit.reconciliation.builders import CONTRACT, a_book, a_position, a_row, as_text

NUMBER = "2026-000001"


def reason(decision: Decision) -> str:
    """Return why a row is parked."""
    assert isinstance(decision, Parked), decision
    return decision.reason


def posted(decision: Decision) -> str:
    """Return the postings of a booked row as text."""
    assert isinstance(decision, Booked), decision
    return postings_as_text(decision.entry.postings) if decision.entry else ""


def given_back(**terms: Any) -> BatchBook:
    """Return the books after a payout of everything and the recourse of what is open."""
    book = a_book(a_position(), **terms)
    for row in (a_row("R-1", "payout", 12_000), a_row("R-2", "recourse", 12_000)):
        assert isinstance(book.decide(row), Booked)
    return book


def standing(book: BatchBook) -> str:
    """Return the position with its asterisk."""
    position = book.known.by_number[NUMBER]
    return as_text(position) + (" *" if position.with_factor else "")


def test_recourse_takes_the_asterisk_and_the_practice_owes_what_it_was_paid() -> None:
    book = given_back()
    assert standing(book) == "D 120.00 P -120.00"
    settled = book.decide(a_row("R-3", "payout", -12_000))
    assert posted(settled) == "1020 C 120.00, 1088 D 120.00"
    assert standing(book) == "D 120.00 P 0.00"


def test_what_the_factor_keeps_of_its_own_fees_is_not_given_back() -> None:
    book = a_book(a_position(debt=Debt(Money(12_000), reminder_fees=Money(2000))))
    assert posted(book.decide(a_row("R-1", "recourse", 12_000))) == "1100 D 120.00, 1088 C 120.00"
    assert standing(book) == "D 120.00 P 0.00"


@pytest.mark.parametrize("amount", [11_999, 14_001])
def test_recourse_of_less_than_the_principal_or_more_than_is_open_waits(amount: int) -> None:
    book = a_book(a_position(debt=Debt(Money(12_000), reminder_fees=Money(2000))))
    assert reason(book.decide(a_row("R-1", "recourse", amount))) == "open-amount-differs"


@pytest.mark.parametrize(
    ("kind", "amount"),
    [
        ("cancellation", 11_999),
        ("credit_note", 12_001),
        ("adjustment", -12_001),
        ("write_off", 12_001),
    ],
)
def test_what_does_not_fit_what_is_open_waits(kind: str, amount: int) -> None:
    assert reason(a_book(a_position()).decide(a_row("R-1", kind, amount))) == "open-amount-differs"


def test_a_loss_is_the_factors_under_loss_cover_and_the_practices_without() -> None:
    covered = a_book(a_position(), loss_cover=True)
    assert posted(covered.decide(a_row("R-1", "write_off", 12_000))) == ""
    assert standing(covered) == "D 0.00 P 120.00 *"


def test_a_loss_after_recourse_is_the_practices_own_even_under_loss_cover() -> None:
    book = given_back(loss_cover=True)
    lost = book.decide(a_row("R-3", "write_off", 12_000))
    assert posted(lost) == "3805 D 120.00, 1100 C 120.00"
    assert standing(book) == "D 0.00 P -120.00"


@pytest.mark.parametrize("kind", ["debtor_payment", "reminder_fee", "credit_note", "recourse"])
def test_what_else_moves_money_waits_after_recourse(kind: str) -> None:
    assert reason(given_back().decide(a_row("R-3", kind, 100))) == "not-acquitted"


def test_a_loss_of_an_invoice_that_never_was_with_the_factor_waits() -> None:
    book = a_book(a_position(acquittal=None))
    assert reason(book.decide(a_row("R-1", "write_off", 100))) == "not-acquitted"


def test_the_reversal_of_a_recourse_brings_the_asterisk_back() -> None:
    book = given_back()
    undone = book.decide(a_row("R-3", "reversal", 12_000, note="R-2"))
    assert posted(undone) == "1100 C 120.00, 1088 D 120.00"
    assert standing(book) == "D 120.00 P 0.00 *"
    assert book.known.by_number[NUMBER].ended is None


def test_a_recourse_is_not_reversed_once_another_order_has_taken_the_invoice() -> None:
    book = given_back()
    book.known.by_number[NUMBER] = a_position()
    undo = a_row("R-3", "reversal", 12_000, note="R-2")
    assert reason(book.decide(undo)) == "acquitted-again"


def test_a_recourse_is_not_reversed_while_another_amount_is_open() -> None:
    book = given_back()
    book.decide(a_row("R-3", "write_off", 2000))
    assert reason(book.decide(a_row("R-4", "reversal", 12_000, note="R-2"))) == (
        "open-amount-differs"
    )


def test_an_earlier_recourse_is_not_reversed_in_place_of_the_later_one() -> None:
    book = given_back()
    later = LiveAcquittal(UUID(int=77), CONTRACT, "1088")
    book.known.by_number[NUMBER] = a_position(acquittal=None, ended=later)
    undo = a_row("R-3", "reversal", 12_000, note="R-2")
    assert reason(book.decide(undo)) == "acquitted-again"


def test_a_payment_is_not_reversed_once_the_invoice_is_given_back() -> None:
    book = a_book(a_position())
    book.decide(a_row("R-1", "debtor_payment", 2000))
    book.decide(a_row("R-2", "recourse", 10_000))
    assert reason(book.decide(a_row("R-3", "reversal", 2000, note="R-1"))) == "not-acquitted"


def test_a_reversal_is_refused_by_name_of_what_is_wrong_with_it() -> None:
    book = a_book(a_position(), a_position("2026-000002", 5000))
    book.decide(a_row("R-1", "payout", 1000))
    undo = a_row("R-2", "reversal", 1000, note="R-1")
    other = a_row("R-9", "reversal", 1000, note="R-1", invoice_number="2026-000002")
    reasons = [
        reason(book.decide(a_row("R-9", "reversal", 1000, note="R-8"))),
        reason(book.decide(a_row("R-9", "reversal", 1000))),
        reason(book.decide(a_row("R-9", "reversal", 999, note="R-1"))),
        reason(book.decide(other)),
    ]
    assert isinstance(book.decide(undo), Booked)
    reasons += [
        reason(book.decide(a_row("R-9", "reversal", 1000, note="R-1"))),
        reason(book.decide(a_row("R-9", "reversal", 1000, note="R-2"))),
    ]
    assert reasons == [
        "reversed-record-unknown",
        "reversed-record-unknown",
        "impossible-amount",
        "order-mismatch",
        "already-reversed",
        "reversal-of-reversal",
    ]


def test_a_reversed_charge_that_is_all_paid_waits_for_its_refund() -> None:
    book = a_book(a_position())
    book.decide(a_row("R-1", "reminder_fee", 2000))
    book.decide(a_row("R-2", "debtor_payment", 14_000))
    undo = a_row("R-3", "reversal", 2000, note="R-1")
    assert reason(book.decide(undo)) == "open-amount-differs"
    book.decide(a_row("R-4", "debtor_refund", 2000))
    assert isinstance(book.decide(undo), Booked)
    assert standing(book) == "D 0.00 P 120.00 *"


def test_a_movement_of_the_account_is_a_charge_and_never_touches_the_factor_account() -> None:
    book = a_book(a_position())
    fee: dict[str, Any] = {"invoice_number": None}
    open_fee = book.decide(a_row("R-1", "account_movement", -2000, **fee))
    netted = book.decide(a_row("R-2", "account_movement", -500, payout_reference="PO-1", **fee))
    undone = book.decide(a_row("R-3", "reversal", -2000, note="R-1", **fee))
    assert [posted(one) for one in (open_fee, netted, undone)] == [
        "2009 C 20.00, 6940 D 20.00",
        "1020 C 5.00, 6940 D 5.00",
        "2009 D 20.00, 6940 C 20.00",
    ]
    assert standing(book) == "D 120.00 P 120.00 *"


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"invoice_number": NUMBER}, "unexpected-invoice"),
        ({"amount": Money(0)}, "impossible-amount"),
        ({"event_date": date(2026, 4, 2)}, "impossible-date"),
        ({"event_date": date(2024, 3, 1)}, "impossible-date"),
        ({"value_date": date(2026, 5, 3)}, "impossible-date"),
    ],
)
def test_a_movement_that_cannot_be_true_waits(values: dict[str, Any], why: str) -> None:
    given: dict[str, Any] = {"invoice_number": None, "amount": Money(-100)}
    row = a_row("R-1", "account_movement", **given | values)
    assert reason(a_book(a_position()).decide(row)) == why


def test_an_invoice_is_not_paid_while_a_reminder_fee_of_it_is_open() -> None:
    book = a_book(a_position(debt=Debt(Money(12_000), reminder_fees=Money(2000))))
    assert isinstance(book.decide(a_row("R-1", "debtor_payment", 12_000)), Booked)
    assert standing(book) == "D 20.00 P 120.00 *"
    assert isinstance(book.decide(a_row("R-2", "debtor_payment", 2000)), Booked)
    assert standing(book) == "D 0.00 P 120.00 *"


def test_a_cancellation_takes_the_reminder_fees_along() -> None:
    book = a_book(a_position(debt=Debt(Money(12_000), reminder_fees=Money(2000))))
    assert isinstance(book.decide(a_row("R-1", "cancellation", 12_000)), Booked)
    assert book.known.by_number[NUMBER].debt == Debt(Money.zero())
