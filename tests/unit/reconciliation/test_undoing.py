"""Undoing rows, the last booked first, brings every invoice back to where it was."""

from __future__ import annotations

from datetime import date
from random import Random
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from services.reconciliation.domain.booking import Booked
from services.reconciliation.domain.deb.records import DebRow
from services.reconciliation.domain.model import Debt, Position
from services.reconciliation.domain.undoing import KEPT_BECAUSE, Kept, Undoable, UndoBook, Undone
from shared.kernel.money import Money
from tests.unit.reconciliation.builders import FILE, PRACTICE, a_book, a_position, a_row
from tests.unit.reconciliation.test_any_rows import REVERSAL, ROW, Ledger, shuffled

TODAY = date(2026, 4, 2)


def undoable(booked: Booked) -> Undoable:
    """A booked row as its undoing sees it, were it the last one."""
    row, original = booked.row, booked.original
    return Undoable(
        line=row.line,
        original=booked.as_original(),
        record_id=row.record_id,
        content_sha256=row.content_sha256,
        occurrence=row.occurrence,
        reversed_kind=original.kind if original else None,
        reversed_id=original.fact_id if original else None,
        reversed_record=row.reverses if original else None,
    )


def an_undo_book(*positions: Position) -> UndoBook:
    """The books of an undoing that knows these positions."""
    known = {position.invoice_id: position for position in positions}
    return UndoBook(PRACTICE, FILE, TODAY, "undone by user-1: a mistake", known)


@given(
    st.lists(st.one_of(ROW, REVERSAL), max_size=40),
    st.randoms(use_true_random=False),
    st.booleans(),
)
def test_b6_all_undone_in_reverse_every_position_is_what_it_was(
    rows: list[DebRow], random: Random, loss_cover: bool
) -> None:
    start = (a_position(), a_position("2026-000002", 5000))
    ledger = Ledger({one.invoice_number: one for one in start}, loss_cover)
    for row in shuffled(rows, random):
        ledger.work([row])
    book = an_undo_book(*ledger.positions.values())
    ids: set[UUID] = set()
    for booked in reversed(ledger.booked):
        done = book.decide(undoable(booked))
        assert isinstance(done, Undone), done
        assert done.fact.reverses == booked.fact.fact_id
        assert (done.entry is None) == (booked.entry is None)
        assert done.entry is None or done.entry.is_balanced
        ids.add(done.fact.fact_id)
    assert len(ids) == len(ledger.booked)
    assert {one.invoice_id: one for one in start} == book.positions


def _booked(row: DebRow, position: Position) -> Booked:
    decision = a_book(position).decide(row)
    assert isinstance(decision, Booked)
    return decision


def test_a_charge_that_was_paid_since_and_leaves_nothing_open_stays_booked() -> None:
    booked = _booked(a_row("R-1", "reminder_fee", 2000), a_position())
    assert booked.position is not None
    settled = booked.position.moved(-booked.position.debt, Money.zero())
    kept = an_undo_book(settled).decide(undoable(booked))
    assert isinstance(kept, Kept)
    assert (kept.reason, kept.detail) == (
        "open-amount-differs",
        KEPT_BECAUSE["open-amount-differs"],
    )


def test_a_payment_stays_booked_while_the_factor_has_given_the_invoice_back() -> None:
    paid = _booked(a_row("R-1", "debtor_payment", 2000), a_position())
    assert paid.position is not None
    returned = _booked(a_row("R-2", "recourse", 10_000), paid.position)
    assert returned.position is not None
    kept = an_undo_book(returned.position).decide(undoable(paid))
    assert isinstance(kept, Kept)
    assert kept.reason == "not-acquitted"


def test_compensation_is_dated_the_day_of_the_undoing_and_names_person_and_reason() -> None:
    booked = _booked(a_row("R-1", "payout", 2000), a_position())
    assert booked.position is not None
    done = an_undo_book(booked.position).decide(undoable(booked))
    assert isinstance(done, Undone)
    assert done.entry is not None
    assert (done.entry.entry_date, done.fact.fact_date) == (TODAY, TODAY)
    assert (done.entry.kind, done.fact.note) == ("undo", "undone by user-1: a mistake")
    assert done.fact.debt_change == Debt()
