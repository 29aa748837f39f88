"""Timers tick until asked to stop; one item that fails stops no other."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta

import pytest

from shared.kernel.context import current_work
from shared.kernel.errors import TransientError
from shared.runtime.timers import SideBySide, repeating
from shared.testing import FrozenClock


class PassingClock(FrozenClock):
    """A clock on which waiting takes no time."""

    async def sleep(self, seconds: float) -> None:
        self.advance(timedelta(seconds=seconds))


async def test_what_fails_stops_no_other_and_its_words_are_not_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    worked: list[int] = []
    words = "secret words"

    async def work(number: int) -> None:
        if number == 2:
            raise TransientError("the portal is away")
        if number == 3:
            raise RuntimeError(words)
        worked.append(number)

    with caplog.at_level(logging.WARNING):
        assert await SideBySide(1).each([1, 2, 3, 4], work) == 4
    assert worked == [1, 4]
    levels = {record.levelname: record for record in caplog.records}
    assert levels["WARNING"].__dict__["reason"] == "the portal is away"
    assert levels["ERROR"].__dict__["error"] == "RuntimeError"
    assert "in work" in levels["ERROR"].__dict__["where"]
    assert words not in str([record.__dict__ for record in caplog.records])


async def test_no_more_items_are_worked_at_once_than_there_are_places() -> None:
    now = most = 0

    async def work(_: int) -> None:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0)
        now -= 1

    await SideBySide(3).each(range(20), work)
    assert (now, most) == (0, 3)


async def test_each_item_is_worked_under_a_correlation_id_of_its_own() -> None:
    ids: list[str] = []

    async def work(_: int) -> None:
        context = current_work()
        assert context is not None
        ids.append(context.correlation_id)

    await SideBySide(2).each(range(3), work)
    assert len(set(ids)) == 3


async def test_a_timer_goes_on_after_a_passing_failure_and_ends_when_asked() -> None:
    stop, ticks = asyncio.Event(), 0

    async def tick() -> None:
        nonlocal ticks
        ticks += 1
        if ticks == 3:
            stop.set()
        raise TransientError("not now")

    await repeating("t", tick, clock=PassingClock(), interval_seconds=5).run(stop)
    assert ticks == 3


async def test_an_unexpected_failure_of_the_tick_itself_ends_the_part() -> None:
    async def tick() -> None:
        raise RuntimeError("a fault of ours")

    part = repeating("t", tick, clock=PassingClock(), interval_seconds=5)
    with pytest.raises(RuntimeError, match="a fault of ours"):
        await part.run(asyncio.Event())
