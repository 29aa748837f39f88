"""Closed books: nothing is dated into them, and what they said of a closed day stays."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.reconciliation.domain.periods import PeriodAction, in_open_period
from services.reconciliation.handlers.cancel_invoice import CancelInvoice, cancel_invoice
from services.reconciliation.handlers.close_period import (
    ClosePeriod,
    ReopenPeriod,
    close_period,
    reopen_period,
)
from services.reconciliation.handlers.open_position import OpenPosition, open_position
from services.reconciliation.handlers.register_practice import RegisterPractice, register_practice
from shared.kernel.errors import ConflictError, DomainError, NotFoundError
from shared.testing import FrozenClock
from tests.unit.reconciliation.builders import (
    NOON,
    PRACTICE,
    a_new_invoice,
    a_practice,
)
from tests.unit.reconciliation.fakes import MemoryUnitOfWork

CLOCK = FrozenClock(NOON)
TODAY = date(2026, 4, 1)
MARCH_31 = date(2026, 3, 31)
DAYS = st.integers(0, 60).map(lambda days: TODAY - timedelta(days=days))
ISSUE = st.tuples(st.just("issue"), DAYS)
CANCEL = st.tuples(st.just("cancel"), DAYS)
CLOSE = st.tuples(st.just("close"), DAYS)


async def _books() -> MemoryUnitOfWork:
    uow = MemoryUnitOfWork()
    await register_practice(RegisterPractice(a_practice()), uow)
    return uow


def _close(until: date, reason: str = "quarter's end") -> ClosePeriod:
    return ClosePeriod(PRACTICE, until, reason, "controller-1")


def _reopen(until: date) -> ReopenPeriod:
    return ReopenPeriod(PRACTICE, until, "the auditor asks", "controller-1")


async def test_a_late_fact_is_booked_on_the_first_open_day_and_keeps_its_own() -> None:
    uow = await _books()
    await close_period(_close(MARCH_31), uow, CLOCK)
    await open_position(OpenPosition(a_new_invoice(issued_on=date(2026, 3, 2))), uow)
    (link,), (fact,) = uow.books.journal, uow.books.facts
    assert (link.entry.entry_date, fact.fact_date) == (TODAY, date(2026, 3, 2))
    assert link.entry.label == "Invoice 2026-000001 (of 2026-03-02, a closed period)"


async def test_a_fact_of_an_open_day_is_dated_as_ever() -> None:
    uow = await _books()
    await close_period(_close(date(2026, 3, 1)), uow, CLOCK)
    await open_position(OpenPosition(a_new_invoice(issued_on=date(2026, 3, 2))), uow)
    (link,) = uow.books.journal
    assert (link.entry.entry_date, link.entry.label) == (
        date(2026, 3, 2),
        "Invoice 2026-000001",
    )
    assert in_open_period([link.entry], None) == [link.entry]


async def test_a_closing_keeps_the_balances_of_its_day_and_the_last_entry() -> None:
    uow = await _books()
    await open_position(OpenPosition(a_new_invoice(issued_on=date(2026, 3, 2))), uow)
    await open_position(OpenPosition(a_new_invoice("2026-000002", issued_on=TODAY)), uow)
    done = (await close_period(_close(MARCH_31), uow, CLOCK)).decision
    moved = {one.account: (str(one.debit), str(one.credit)) for one in done.balances}
    assert moved["1100"] == ("120.00", "0.00")
    assert moved["3400"] == ("0.00", "120.00")
    assert moved["1020"] == ("0.00", "0.00")
    assert done.head == uow.books.head


async def test_the_same_day_closed_twice_is_closed_once() -> None:
    uow = await _books()
    first = await close_period(_close(MARCH_31), uow, CLOCK)
    again = await close_period(_close(MARCH_31, "another reason"), uow, CLOCK)
    assert (first.already, again.already) == (False, True)
    assert again.decision == first.decision
    assert len(uow.periods.decisions) == 1


async def test_a_day_that_has_not_come_and_one_before_the_closing_are_refused() -> None:
    uow = await _books()
    with pytest.raises(DomainError, match="2026-04-02 has not come"):
        await close_period(_close(date(2026, 4, 2)), uow, CLOCK)
    await close_period(_close(TODAY), uow, CLOCK)
    with pytest.raises(ConflictError, match="closed up to 2026-04-01"):
        await close_period(_close(MARCH_31), uow, CLOCK)


async def test_books_that_are_unknown_are_neither_closed_nor_reopened() -> None:
    uow = MemoryUnitOfWork()
    with pytest.raises(NotFoundError):
        await close_period(_close(MARCH_31), uow, CLOCK)
    with pytest.raises(NotFoundError):
        await reopen_period(_reopen(MARCH_31), uow, CLOCK)


async def test_reopening_takes_the_last_closing_back_and_the_one_before_it_holds() -> None:
    uow = await _books()
    february = date(2026, 2, 28)
    await close_period(_close(february), uow, CLOCK)
    await close_period(_close(MARCH_31), uow, CLOCK)
    with pytest.raises(ConflictError, match="only the last closing"):
        await reopen_period(_reopen(february), uow, CLOCK)
    done = await reopen_period(_reopen(MARCH_31), uow, CLOCK)
    assert (done.decision.closed_until, done.already) == (february, False)
    assert (await reopen_period(_reopen(MARCH_31), uow, CLOCK)).already
    assert (await reopen_period(_reopen(february), uow, CLOCK)).decision.closed_until is None
    with pytest.raises(ConflictError, match="the books are open"):
        await reopen_period(_reopen(MARCH_31), uow, CLOCK)
    assert [one.action.value for one in uow.periods.decisions] == [
        "close",
        "close",
        "reopen",
        "reopen",
    ]


def _balances(uow: MemoryUnitOfWork, day: date) -> dict[str, int]:
    found: dict[str, int] = {}
    for link in uow.books.journal:
        if link.entry.entry_date <= day:
            for posting in link.entry.postings:
                found[posting.account] = found.get(posting.account, 0) + posting.amount.rappen
    return found


@given(st.lists(st.one_of(ISSUE, CANCEL, CLOSE, st.tuples(st.just("reopen"), DAYS)), max_size=40))
async def test_random_closings_and_bookings_never_touch_a_closed_day(
    steps: list[tuple[str, date]],
) -> None:
    uow = await _books()
    issued: list[int] = []
    for step, day in steps:
        entries, closed = len(uow.books.journal), uow.periods.closed_until
        before = _balances(uow, closed) if closed else {}
        match step:
            case "issue":
                issued.append(len(issued) + 1)
                number = f"2026-{issued[-1]:06d}"
                invoice = a_new_invoice(number, 100 * issued[-1], issued_on=day)
                await open_position(OpenPosition(invoice), uow)
            case "cancel" if issued:
                known = a_new_invoice(f"2026-{issued[-1]:06d}").invoice_id
                await cancel_invoice(CancelInvoice(PRACTICE, known, "error", day), uow, CLOCK)
            case "close" if closed is None or day > closed:
                await close_period(_close(day), uow, CLOCK)
            case "reopen" if closed is not None:
                await reopen_period(_reopen(closed), uow, CLOCK)
            case _:
                continue
        if closed is not None:
            assert all(link.entry.entry_date > closed for link in uow.books.journal[entries:])
            assert _balances(uow, closed) == before
        for held in await uow.periods.in_force(PRACTICE):
            assert held.action is PeriodAction.CLOSE
            kept = {one.account: one.debit.rappen - one.credit.rappen for one in held.balances}
            assert {k: v for k, v in kept.items() if v} == {
                k: v for k, v in _balances(uow, held.until).items() if v
            }
