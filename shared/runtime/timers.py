"""Timers: one tick after the other until asked to stop; what a tick finds due is worked at once."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from shared.kernel.clock import Clock
from shared.kernel.context import WorkContext, working_on
from shared.kernel.errors import TransientError
from shared.kernel.ids import new_id
from shared.runtime.parts import Part

_LOG = logging.getLogger(__name__)
D = TypeVar("D")


def repeating(
    name: str, tick: Callable[[], Awaitable[object]], *, clock: Clock, interval_seconds: float
) -> Part:
    """Return the part that ticks until asked to stop; a passing failure waits for the next tick."""

    async def run(stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                await tick()
            except TransientError as error:
                facts = {"timer": name, "reason": str(error)[:200]}
                _LOG.warning("a tick was put off", extra=facts)
            await wait_for_tick(clock, interval_seconds, stop)

    return Part(name, run)


async def wait_for_tick(clock: Clock, seconds: float, stop: asyncio.Event) -> None:
    """Wait so many seconds of the clock, or until asked to stop."""
    waits = [asyncio.ensure_future(clock.sleep(seconds)), asyncio.ensure_future(stop.wait())]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)


class SideBySide:
    """Works what is due, so many items at once, each under a correlation id."""

    def __init__(self, places: int) -> None:
        self._places = asyncio.Semaphore(places)

    async def each(self, due: Sequence[D], work: Callable[[D], Awaitable[object]]) -> int:
        """Work every item; return how many. What fails stops no other, and is due again later."""
        results = await asyncio.gather(
            *(self._in_place(item, work) for item in due), return_exceptions=True
        )
        for result in results:
            if isinstance(result, TransientError):
                _LOG.warning("put off", extra={"reason": str(result)[:200]})
            elif isinstance(result, Exception):
                _LOG.error("failed unexpectedly", extra=without_words(result))
            elif isinstance(result, BaseException):
                raise result
        return len(due)

    async def _in_place(self, item: D, work: Callable[[D], Awaitable[object]]) -> None:
        correlation_id = getattr(item, "correlation_id", None) or str(new_id())
        async with self._places:
            with working_on(WorkContext(correlation_id=correlation_id)):
                await work(item)


def without_words(error: BaseException) -> dict[str, str]:
    """Return kind and place of an error for the log; its words may quote what must not be there."""
    where = "".join(traceback.format_tb(error.__traceback__))
    return {"error": type(error).__name__, "where": where}
