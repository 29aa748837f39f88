"""Ids repeat where a cause repeats, days are Swiss days, and the work's ids follow the work."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta

import pytest

from shared.kernel.clock import Clock, SystemClock
from shared.kernel.context import WorkContext, current_work, working_on
from shared.kernel.ids import derived_id, new_id
from shared.testing import FrozenClock


def test_the_same_cause_gives_the_same_id() -> None:
    assert derived_id("event", "orders", 7) == derived_id("event", "orders", 7)


def test_derived_ids_stay_the_same_from_release_to_release() -> None:
    # Ids already stored were derived in this way; a change would book them a second time.
    assert str(derived_id("event", "orders", 1)) == "4b9e448c-02c7-5a5c-8a99-a77a9546a86f"


def test_parts_of_a_cause_do_not_run_together() -> None:
    assert derived_id("ab", "c") != derived_id("a", "bc")
    assert derived_id("1", 1) != derived_id("11")


def test_new_ids_differ() -> None:
    assert len({new_id() for _ in range(1000)}) == 1000


@pytest.mark.parametrize(
    ("instant", "day"),
    [
        ("2026-01-31T22:59:59+00:00", date(2026, 1, 31)),
        ("2026-01-31T23:00:00+00:00", date(2026, 2, 1)),
        ("2026-07-31T21:59:59+00:00", date(2026, 7, 31)),
        ("2026-07-31T22:00:00+00:00", date(2026, 8, 1)),
        # Clocks go forward on 29 March 2026 at 01:00 UTC and back on 25 October at 01:00 UTC.
        ("2026-03-28T23:00:00+00:00", date(2026, 3, 29)),
        ("2026-03-29T21:59:59+00:00", date(2026, 3, 29)),
        ("2026-03-29T22:00:00+00:00", date(2026, 3, 30)),
        ("2026-10-24T22:00:00+00:00", date(2026, 10, 25)),
        ("2026-10-25T22:59:59+00:00", date(2026, 10, 25)),
        ("2026-10-25T23:00:00+00:00", date(2026, 10, 26)),
    ],
)
def test_a_day_begins_at_midnight_in_zurich(instant: str, day: date) -> None:
    assert FrozenClock(datetime.fromisoformat(instant)).today() == day


def test_the_system_clock_is_aware_and_in_utc() -> None:
    clock: Clock = SystemClock()
    before = datetime.now(UTC)
    assert before <= clock.now() <= datetime.now(UTC)
    assert clock.now().utcoffset() == timedelta(0)
    assert abs(clock.today() - clock.now().date()) <= timedelta(days=1)


async def test_a_frozen_clock_moves_only_when_told_or_slept_on() -> None:
    clock: FrozenClock = FrozenClock(datetime(2026, 3, 2, 8, 0, tzinfo=UTC))
    assert clock.now() == clock.now()
    clock.advance(timedelta(hours=4))
    assert clock.now() == datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
    await clock.sleep(90)
    assert clock.now() == datetime(2026, 3, 2, 12, 1, 30, tzinfo=UTC)


def test_a_frozen_clock_refuses_to_run_backwards_or_without_a_zone() -> None:
    with pytest.raises(ValueError, match="backwards"):
        FrozenClock().advance(timedelta(seconds=-1))
    with pytest.raises(ValueError, match="time zone"):
        FrozenClock(datetime(2026, 3, 2))  # noqa: DTZ001 - the fault under test


def test_a_frozen_clock_tells_utc_whatever_zone_it_was_set_in() -> None:
    clock = FrozenClock(datetime.fromisoformat("2026-03-02T00:30:00+01:00"))
    assert clock.now() == datetime(2026, 3, 1, 23, 30, tzinfo=UTC)
    assert clock.today() == date(2026, 3, 2)


def test_work_has_a_context_only_inside_the_block() -> None:
    outer, inner = WorkContext("one"), WorkContext("two", causation_id="cause")
    assert current_work() is None
    with working_on(outer):
        with working_on(inner):
            assert current_work() == inner
        assert current_work() == outer
    assert current_work() is None


def test_the_context_ends_with_an_error_too() -> None:
    with pytest.raises(RuntimeError), working_on(WorkContext("one")):
        raise RuntimeError
    assert current_work() is None


async def test_works_side_by_side_do_not_see_each_others_context() -> None:
    async def work(name: str) -> str:
        with working_on(WorkContext(name)):
            await asyncio.sleep(0)
            context = current_work()
        assert context is not None
        return context.correlation_id

    names = [f"work {number}" for number in range(10)]
    assert await asyncio.gather(*(work(name) for name in names)) == names
