"""The arrival clock: working days of the canton, odd nights, and one flag per sending."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.orders.adapters.swiss_holidays import SwissHolidays
from services.orders.domain.arrival_clock import (
    arrival_deadline,
    clock_by_facts,
    days_late,
    gone_overdue,
    running_clock,
    trial_deadline,
)
from services.orders.domain.events import OrderOverdue
from services.orders.domain.model import Practice
from services.orders.domain.order import Fact, FactKind, Order, OrderState
from services.orders.handlers.outcome import Outcome
from services.orders.handlers.watch_arrival import WatchArrival, watch_arrival
from shared.kernel.clock import SWISS_TIME
from shared.testing import FrozenClock
from tests.unit.orders.builders import (
    CONTRACT,
    NOON,
    ORDER,
    PRACTICE,
    a_contract,
    an_order,
    evidence,
)
from tests.unit.orders.fakes import FakeUnitOfWork

PACKAGE_SHA = an_order().package.sha256


def swiss(text: str) -> datetime:
    """An instant by the Swiss clock."""
    return datetime.fromisoformat(text).replace(tzinfo=SWISS_TIME)


def holidays_of(canton: str | None) -> Callable[[date], bool]:
    """The canton's holidays."""
    return partial(SwissHolidays().is_holiday, canton=canton)


@pytest.mark.parametrize(
    ("sent", "days", "canton", "deadline"),
    [
        ("2026-11-24T16:50", 1, "VD", "2026-11-25T16:50"),  # any Tuesday
        ("2026-11-27T16:50", 1, "VD", "2026-11-30T16:50"),  # over a weekend
        ("2026-11-28T10:00", 1, "VD", "2026-12-01T00:00"),  # sent on a Saturday: from Monday on
        ("2026-11-24T16:50", 3, "VD", "2026-11-27T16:50"),
        ("2026-03-27T18:00", 1, "VD", "2026-03-30T18:00"),  # the clocks go forward
        ("2026-10-23T18:00", 1, "VD", "2026-10-26T18:00"),  # the clocks go back
        ("2026-03-29T02:30", 1, "VD", "2026-03-31T00:00"),  # in the hour that does not exist
        ("2026-04-02T15:00", 1, "ZH", "2026-04-07T15:00"),  # Good Friday and Easter Monday
        ("2026-04-02T15:00", 1, "TI", "2026-04-03T15:00"),  # Good Friday is a working day there
        ("2026-12-31T09:00", 1, "VD", "2027-01-04T09:00"),  # New Year, then a weekend
        ("2026-12-31T09:00", 1, "GE", "2027-01-05T00:00"),  # Geneva rests on 31 December, too
        ("2024-12-31T09:00", 1, "BE", "2025-01-03T09:00"),  # Berchtoldstag is free in Berne
        ("2024-12-31T09:00", 1, "TI", "2025-01-02T09:00"),  # and a working day in Ticino
        ("2024-12-31T09:00", 1, None, "2025-01-02T09:00"),  # no canton: what is free everywhere
        ("2026-07-31T23:59", 1, "VD", "2026-08-03T23:59"),  # the national day on a Saturday
    ],
)
def test_the_deadline_lies_whole_working_days_of_the_canton_later(
    sent: str, days: int, canton: str | None, deadline: str
) -> None:
    found = arrival_deadline(swiss(sent), days, holidays_of(canton))
    assert found.astimezone(SWISS_TIME).replace(tzinfo=None) == datetime.fromisoformat(deadline)


_MOMENTS = st.datetimes(
    datetime(2020, 1, 1),  # noqa: DTZ001 - the strategy adds the zone
    datetime(2035, 12, 31),  # noqa: DTZ001 - the strategy adds the zone
    timezones=st.just(UTC),
)
_CANTONS = st.sampled_from([None, "BE", "GE", "JU", "NE", "TI", "VD", "VS", "ZH"])


@given(_MOMENTS, st.integers(1, 30), _CANTONS)
def test_a_deadline_is_a_working_moment_with_exactly_so_many_working_days_before_it(
    sent: datetime, days: int, canton: str | None
) -> None:
    is_holiday = holidays_of(canton)
    deadline = arrival_deadline(sent, days, is_holiday).astimezone(SWISS_TIME)
    start = sent.astimezone(SWISS_TIME)

    def works(day: date) -> bool:
        return day.isoweekday() < 6 and not is_holiday(day)

    assert works(deadline.date())
    between = (deadline.date() - start.date()).days
    worked = [d for n in range(1, between + 1) if works(d := start.date() + timedelta(days=n))]
    if works(start.date()):
        assert (len(worked), deadline.timetz()) == (days, start.timetz().replace(fold=0))
    else:
        assert (len(worked), deadline.hour) == (days + 1, 0)


@given(_MOMENTS, _MOMENTS, st.integers(1, 30), _CANTONS)
def test_what_is_sent_later_is_never_due_earlier_and_more_days_are_never_fewer(
    one: datetime, other: datetime, days: int, canton: str | None
) -> None:
    first, second = sorted((one, other))
    is_holiday = holidays_of(canton)
    hour = timedelta(hours=1)  # by the wall clock, the hour that comes twice is one
    assert arrival_deadline(first, days, is_holiday) <= (
        arrival_deadline(second, days, is_holiday) + hour
    )
    assert arrival_deadline(first, days, is_holiday) < arrival_deadline(first, days + 1, is_holiday)


def test_a_trials_working_days_last_as_long_as_it_says_over_the_weekend_too() -> None:
    friday = swiss("2026-11-27T23:59:50")
    deadline = trial_deadline(friday, 2, timedelta(seconds=12))
    assert deadline == swiss("2026-11-28T00:00:14")


def test_days_late_are_swiss_calendar_days() -> None:
    deadline = swiss("2026-11-25T16:50")
    assert days_late(deadline, swiss("2026-11-25T23:59")) == 0
    assert days_late(deadline, swiss("2026-11-26T00:01")) == 1
    assert days_late(deadline, swiss("2026-11-30T08:00")) == 5


def sent(order: Order, *, attempt: int = 1, at: datetime = NOON) -> Order:
    """The order after the portal took it."""
    return order.sent(attempt=attempt, at=at, reference="DBD-1", package_sha256=PACKAGE_SHA).order


def doubtful(order: Order, *, attempt: int = 1, at: datetime = NOON) -> Order:
    """The order after an attempt of unknown outcome."""
    return order.send_failed(
        attempt=attempt, at=at, left=True, reason_code="time-out", next_attempt_at=None
    ).order


def absent(order: Order, *, attempt: int = 1, at: datetime = NOON) -> Order:
    """The order after the portal said that it does not have it."""
    return order.send_failed(
        attempt=attempt, at=at, left=False, reason_code="absent", next_attempt_at=None
    ).order


def test_no_clock_runs_before_anything_may_have_left_nor_after_the_arrival() -> None:
    assert running_clock(an_order()) is None
    assert running_clock(absent(doubtful(an_order()))) is None
    arrived = sent(an_order()).arrived(at=NOON, evidence=evidence()).order
    assert running_clock(arrived) is None
    assert running_clock(sent(an_order()).refused(at=NOON, reason_code="no").order) is None


def test_the_clock_runs_from_the_doubt_on_and_does_not_start_again_when_it_is_settled() -> None:
    order = sent(doubtful(an_order()), at=NOON + timedelta(hours=3))
    clock = running_clock(order)
    assert clock is not None
    assert (clock.attempt, clock.since) == (1, NOON)


def test_an_order_is_flagged_once_per_sending() -> None:
    order = doubtful(an_order())
    once = gone_overdue(order, deadline=NOON)
    assert [fact.kind for fact in once.added] == [FactKind.OVERDUE]
    assert gone_overdue(once.order, deadline=NOON).already_done
    again = sent(absent(once.order), attempt=2, at=NOON + timedelta(days=1))
    clock = running_clock(again)
    assert clock is not None
    assert (clock.attempt, clock.overdue_since) == (2, None)
    assert not gone_overdue(again, deadline=NOON + timedelta(days=2)).already_done


def test_a_flag_changes_neither_the_state_nor_what_may_follow() -> None:
    order = gone_overdue(sent(an_order()), deadline=NOON).order
    assert order.state is OrderState.SENT
    assert order.arrived(at=NOON, evidence=evidence()).order.state is OrderState.ARRIVED
    assert not order.withdrawal_pending


def test_a_fact_about_the_clock_alone_starts_none() -> None:
    assert clock_by_facts([Fact(FactKind.OVERDUE, NOON, attempt=1)]) is None


class Watch:
    """A sent order, and the one who looks at its clock."""

    def __init__(self, *, canton: str = "VD", working_days: int = 1) -> None:
        self.uow = FakeUnitOfWork()
        self.uow.practices.known[PRACTICE] = Practice(PRACTICE, "7601000000019", canton)
        self.uow.contracts.known[CONTRACT] = a_contract(working_days=working_days)
        self.uow.orders.known[ORDER] = sent(an_order())
        self.clock = FrozenClock(NOON)

    async def look(self, *, trial_day: timedelta | None = None) -> Outcome:
        """Look at the clock."""
        return await watch_arrival(
            WatchArrival(ORDER, PRACTICE),
            self.uow,
            SwissHolidays(),
            self.clock,
            trial_day=trial_day,
        )


async def test_before_the_deadline_nothing_is_told_and_the_deadline_is_kept() -> None:
    watch = Watch()
    assert await watch.look() is Outcome.DONE
    assert watch.uow.arrivals.deadlines == {ORDER: NOON + timedelta(days=1)}
    assert watch.uow.recorded == []


async def test_in_a_trial_the_deadline_passes_after_as_many_short_days() -> None:
    watch = Watch(working_days=2)
    watch.clock.move_to(NOON + timedelta(seconds=23))
    await watch.look(trial_day=timedelta(seconds=12))
    assert watch.uow.recorded == []
    watch.clock.move_to(NOON + timedelta(seconds=24))
    await watch.look(trial_day=timedelta(seconds=12))
    (told,) = watch.uow.recorded
    assert isinstance(told, OrderOverdue)
    assert told.deadline == NOON + timedelta(seconds=24)


async def test_past_the_deadline_it_is_told_once_with_its_figures() -> None:
    watch = Watch(working_days=2)
    watch.clock.move_to(NOON + timedelta(days=3))
    assert await watch.look() is Outcome.DONE
    assert await watch.look() is Outcome.ALREADY_DONE
    order = watch.uow.orders.known[ORDER]
    assert watch.uow.recorded == [
        OrderOverdue(
            order_id=ORDER,
            practice_id=PRACTICE,
            contract_id=CONTRACT,
            number="CMD-2026-0001",
            state=OrderState.SENT,
            attempt=1,
            sent_at=NOON,
            deadline=NOON + timedelta(days=2),
            days_late=1,
            invoice_count=order.invoice_count,
            total=order.total,
            noted_at=NOON + timedelta(days=3),
        )
    ]


async def test_an_order_that_has_arrived_meanwhile_is_not_told() -> None:
    watch = Watch()
    order = watch.uow.orders.known[ORDER]
    watch.uow.orders.known[ORDER] = order.arrived(at=NOON, evidence=evidence()).order
    watch.clock.move_to(NOON + timedelta(days=3))
    assert await watch.look() is Outcome.ALREADY_DONE
    assert watch.uow.recorded == []


async def test_an_order_that_is_not_known_is_passed_over() -> None:
    watch = Watch()
    watch.uow.orders.known.clear()
    assert await watch.look() is Outcome.ALREADY_DONE
