"""The arrival clock: from when on an order that may be at the factor is overdue.

The clock runs while an order is sent or in doubt, from the moment at which its latest attempt may
have left. Working days are those of the practice's canton, by the Swiss calendar.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta

from services.orders.domain.order import Fact, FactKind, Order, OrderState, Step
from shared.kernel.clock import SWISS_TIME
from shared.kernel.ids import OrderId, PracticeId

WATCHED = frozenset({OrderState.SENT, OrderState.UNKNOWN})
"""States in which the clock runs."""
_SATURDAY = 6
_STARTS = frozenset({FactKind.SENT, FactKind.UNKNOWN})


@dataclass(frozen=True, slots=True)
class DueArrival:
    """An order whose deadline is to be set, or has passed."""

    order_id: OrderId
    practice_id: PracticeId


@dataclass(frozen=True, slots=True)
class RunningClock:
    """The clock of one attempt to send.

    Attributes:
        since: when the portal took it, or when it became doubtful whether it had.
        overdue_since: the deadline that has passed, or None.
    """

    attempt: int
    since: datetime
    overdue_since: datetime | None = None


def running_clock(order: Order) -> RunningClock | None:
    """Return the clock of the order's latest attempt; None where none runs."""
    return clock_by_facts(order.facts) if order.state in WATCHED else None


def clock_by_facts(facts: Sequence[Fact]) -> RunningClock | None:
    """Return the clock of the latest attempt that may have left, whatever came after it."""
    absent = {fact.attempt for fact in facts if fact.kind is FactKind.NOT_SENT}
    starts = [
        fact
        for fact in facts
        if fact.kind is FactKind.SENT
        or (fact.kind is FactKind.UNKNOWN and fact.attempt not in absent)
    ]
    if not starts:
        return None
    attempt = max(fact.attempt for fact in starts)
    passed = (
        fact.at for fact in facts if fact.kind is FactKind.OVERDUE and fact.attempt == attempt
    )
    since = min(fact.at for fact in starts if fact.attempt == attempt)
    return RunningClock(attempt, since, next(passed, None))


def starts_clock(step: Step) -> bool:
    """Return whether a move gives the order a clock whose deadline is not known yet."""
    clock = running_clock(step.order)
    started = any(fact.kind in _STARTS for fact in step.added)
    return started and clock is not None and clock.overdue_since is None


def arrival_deadline(
    since: datetime, working_days: int, is_holiday: Callable[[date], bool]
) -> datetime:
    """Return the instant, in UTC, so many working days after another.

    It lies at the same Swiss time of day. From a day on which nobody works the clock starts at
    the beginning of the next working day.

    Args:
        working_days: at least 1.
        is_holiday: whether nobody works on a day; Saturdays and Sundays are free anyway.
    """
    local = since.astimezone(SWISS_TIME)
    day, at = local.date(), local.time()
    if not _is_working_day(day, is_holiday):
        day, at = _next_working_day(day, is_holiday), time(0)
    for _ in range(working_days):
        day = _next_working_day(day, is_holiday)
    return datetime.combine(day, at, SWISS_TIME).astimezone(UTC)


def trial_deadline(since: datetime, working_days: int, day: timedelta) -> datetime:
    """Return the deadline of a trial, in which every working day lasts so long, holidays too."""
    return since + working_days * day


def gone_overdue(order: Order, *, deadline: datetime) -> Step:
    """The deadline of the order's running clock has passed; once per attempt to send."""
    clock = running_clock(order)
    if clock is None or clock.overdue_since is not None:
        return Step(order)
    fact = Fact(FactKind.OVERDUE, deadline, attempt=clock.attempt)
    return Step(replace(order, facts=(*order.facts, fact)), (fact,))


def days_late(deadline: datetime, now: datetime) -> int:
    """Return how many Swiss calendar days lie between the deadline's day and today."""
    return (now.astimezone(SWISS_TIME).date() - deadline.astimezone(SWISS_TIME).date()).days


def _is_working_day(day: date, is_holiday: Callable[[date], bool]) -> bool:
    return day.isoweekday() < _SATURDAY and not is_holiday(day)


def _next_working_day(day: date, is_holiday: Callable[[date], bool]) -> date:
    day += timedelta(days=1)
    while not _is_working_day(day, is_holiday):
        day += timedelta(days=1)
    return day
