"""Runs the parts of a service side by side until one fails or the process is asked to stop."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass

_LOG = logging.getLogger(__name__)
GRACE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Part:
    """One long-running part of a service.

    Attributes:
        name: for logs.
        run: runs until the event is set, then finishes its work in hand and returns.
    """

    name: str
    run: Callable[[asyncio.Event], Coroutine[object, object, None]]


async def run_parts(parts: Sequence[Part], *, stop: asyncio.Event) -> int:
    """Run all parts until `stop` is set or one ends; return the exit status of the process.

    A part that raises, or returns before it was asked to, stops the others and makes the status 1:
    a restart from durable state is the one recovery path.
    """
    tasks = {asyncio.create_task(part.run(stop), name=part.name): part for part in parts}
    waiter = asyncio.create_task(stop.wait(), name="stop")
    await asyncio.wait({*tasks, waiter}, return_when=asyncio.FIRST_COMPLETED)
    status = 0 if stop.is_set() else 1
    stop.set()
    _, late = await asyncio.wait(tasks, timeout=GRACE_SECONDS)
    for task in late:
        _LOG.error("a part did not stop in time", extra={"part": tasks[task].name})
        task.cancel()
    await asyncio.gather(*tasks, waiter, return_exceptions=True)
    for task, part in tasks.items():
        error = None if task.cancelled() else task.exception()
        if error is not None:
            status = 1
            _LOG.error("a part failed", extra={"part": part.name}, exc_info=error)
    return 1 if late else status


def stop_on_signals(stop: asyncio.Event) -> None:
    """Set `stop` on SIGTERM and SIGINT of this process."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
