"""The calendar of an order policy: weekdays, hours, holidays, and two odd nights."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.orders.adapters.swiss_holidays import SwissHolidays
from services.orders.domain.policy import Policy, is_still_meant
from services.orders.domain.task import TRIES_MAX, Task, TaskStatus
from services.orders.handlers.run_policy import RunPolicy, run_policy
from shared.kernel.clock import SWISS_TIME
from shared.testing import FrozenClock
from tests.unit.orders.builders import CONTRACT, NOON, PRACTICE, a_practice, other_id
from tests.unit.orders.fakes import FakeUnitOfWork


def a_policy(**changes: Any) -> Policy:
    """Mondays and Thursdays at 07:30 and 18:00."""
    values: dict[str, Any] = {
        "practice_id": PRACTICE,
        "contract_id": CONTRACT,
        "version": 1,
        "enabled": True,
        "weekdays": frozenset({1, 4}),
        "times": (time(18), time(7, 30)),
        "communication": "",
        "minimum_total": None,
        "rule": None,
        "changed_by": "user-1",
        "changed_at": NOON,
    }
    return Policy(**(values | changes))


def _none(_: date) -> bool:
    return False


def _swiss(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SWISS_TIME).astimezone(UTC)


@pytest.mark.parametrize(
    ("after", "following"),
    [
        ("2026-11-23 07:29", "2026-11-23 07:30"),
        ("2026-11-23 07:30", "2026-11-23 18:00"),
        ("2026-11-23 18:00", "2026-11-26 07:30"),
        ("2026-11-26 18:00", "2026-11-30 07:30"),
        ("2026-12-31 19:00", "2027-01-04 07:30"),
    ],
)
def test_the_next_run_is_the_first_hour_of_a_chosen_weekday(after: str, following: str) -> None:
    assert a_policy().next_after(_swiss(after), _none) == _swiss(following)


def test_a_holiday_is_passed_over() -> None:
    holiday = date(2026, 11, 26)
    found = a_policy().next_after(_swiss("2026-11-23 18:00"), lambda day: day == holiday)
    assert found == _swiss("2026-11-30 07:30")


def test_a_policy_that_is_off_or_meets_only_holidays_has_no_next_run() -> None:
    assert a_policy(enabled=False).next_after(NOON, _none) is None
    assert a_policy().next_after(NOON, lambda _: True) is None


def test_hours_are_those_of_the_wall_clock_in_summer_and_winter() -> None:
    summer = a_policy().next_after(_swiss("2026-07-06 00:00"), _none)
    winter = a_policy().next_after(_swiss("2026-12-07 00:00"), _none)
    assert summer == datetime(2026, 7, 6, 5, 30, tzinfo=UTC)
    assert winter == datetime(2026, 12, 7, 6, 30, tzinfo=UTC)


def test_the_night_that_skips_an_hour_and_the_one_that_repeats_it_have_one_run_each() -> None:
    nightly = a_policy(weekdays=frozenset({7}), times=(time(2, 30),))
    spring = nightly.next_after(_swiss("2026-03-28 12:00"), _none)
    autumn = nightly.next_after(_swiss("2026-10-24 12:00"), _none)
    assert spring == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
    assert autumn == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert autumn is not None
    assert nightly.next_after(autumn, _none) == datetime(2026, 11, 1, 1, 30, tzinfo=UTC)


@given(st.datetimes(min_value=datetime(2025, 1, 1), max_value=datetime(2030, 1, 1)))  # noqa: DTZ001
def test_the_next_run_is_always_later_and_on_a_chosen_day(moment: datetime) -> None:
    after = moment.replace(tzinfo=UTC)
    following = a_policy().next_after(after, _none)
    assert following is not None
    assert after < following <= after + timedelta(days=5)
    assert following.astimezone(SWISS_TIME).isoweekday() in {1, 4}


class Never:
    """A country without holidays."""

    def is_holiday(self, day: date, canton: str | None) -> bool:
        return False


@pytest.mark.parametrize(("late", "queued"), [(timedelta(hours=3), 1), (timedelta(days=1), 0)])
async def test_a_moment_missed_in_a_standstill_is_run_on_its_own_day_only(
    late: timedelta, queued: int
) -> None:
    uow, slot = FakeUnitOfWork(), _swiss("2026-11-26 18:00")
    uow.practices.known[PRACTICE] = a_practice()
    uow.policies.known[CONTRACT] = a_policy(next_run_at=slot, communication="Merci")
    clock = FrozenClock(slot + late)
    for _ in range(2):
        await run_policy(RunPolicy(PRACTICE, CONTRACT), uow, Never(), clock)
    assert [task.communication for task in uow.tasks.known.values()] == ["Merci"] * queued
    assert uow.policies.known[CONTRACT].next_run_at == _swiss("2026-11-30 07:30")
    assert is_still_meant(slot, today=clock.today()) is bool(queued)


def test_a_task_is_put_off_with_growing_pauses_and_not_for_ever() -> None:
    task = Task(other_id(), other_id(), PRACTICE, CONTRACT, "user-1", NOON, NOON)
    waits = []
    for _ in range(TRIES_MAX):
        task = task.put_off(at=NOON)
        waits.append(task.next_try_at - NOON)
    assert waits == sorted(set(waits))
    assert (task.status, task.settled_at) == (TaskStatus.FAILED, NOON)


@pytest.mark.parametrize(
    ("day", "canton", "is_holiday"),
    [
        (date(2026, 8, 1), None, True),
        (date(2026, 8, 1), "VD", True),
        (date(2026, 9, 21), "VD", True),
        (date(2026, 9, 21), "ZH", False),
        (date(2026, 5, 1), "ZH", True),
        (date(2026, 5, 1), "VD", False),
        (date(2026, 11, 24), "BE", False),
    ],
)
def test_holidays_are_those_of_the_canton(day: date, canton: str | None, is_holiday: bool) -> None:
    assert SwissHolidays().is_holiday(day, canton) is is_holiday
