"""Closed periods: up to which day books are closed, and where what comes late is booked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from services.reconciliation.domain.journal import Entry, Head
from shared.kernel.errors import ConflictError, DomainError
from shared.kernel.money import Money


class PeriodAction(StrEnum):
    """What a person did to the books' periods."""

    CLOSE = "close"
    REOPEN = "reopen"


@dataclass(frozen=True, slots=True)
class ClosingBalance:
    """What an account's entries up to the closed day add up to; neither is below zero."""

    account: str
    debit: Money
    credit: Money


@dataclass(frozen=True, slots=True)
class PeriodDecision:
    """One closing or reopening; it is never changed afterwards.

    Attributes:
        place: 1, 2, 3 ... within the practice.
        until: the day, included, that is closed now, or that was closed and is reopened.
        closed_until: the day up to which the books are closed after it; None: all are open.
        head: of a closing, the end of the journal at that moment.
        balances: of a closing, every account at the end of that day.
        reopens: of a reopening, the closing that it takes back.
    """

    closing_id: UUID
    practice_id: UUID
    place: int
    action: PeriodAction
    until: date
    closed_until: date | None
    reason: str
    decided_by: str
    decided_at: datetime
    head: Head | None = None
    balances: tuple[ClosingBalance, ...] = ()
    reopens: UUID | None = None


def check_closable(until: date, *, closed_until: date | None, today: date) -> None:
    """Pass if the books may be closed up to this day, which they are not yet.

    Raises:
        DomainError: the day has not come.
        ConflictError: a later day is closed already.
    """
    if until > today:
        raise DomainError(
            f"{until} has not come; books can be closed up to today, {today}",
            code="period-in-the-future",
        )
    if closed_until is not None and until < closed_until:
        raise ConflictError(
            f"the books are closed up to {closed_until}, which is later",
            code="period-closed-further",
        )


def first_open_day(closed_until: date) -> date:
    """Return the day after a closing, on which late facts are booked."""
    return closed_until + timedelta(days=1)


def in_open_period(entries: Iterable[Entry], closed_until: date | None) -> list[Entry]:
    """Return the entries, none dated into the closed period.

    An entry whose own day is closed is dated the first open day; its label names its own day.
    """
    if closed_until is None:
        return list(entries)
    return [_opened(entry, closed_until) for entry in entries]


def _opened(entry: Entry, closed_until: date) -> Entry:
    if entry.entry_date > closed_until:
        return entry
    label = f"{entry.label} (of {entry.entry_date}, a closed period)"
    return replace(entry, entry_date=first_open_day(closed_until), label=label)
