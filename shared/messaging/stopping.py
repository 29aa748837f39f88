"""Lets a part end although what it waits for never answers; all bounds stay under the grace.

A broker may accept a connection and then say nothing. Clients wait for it far longer than a process
has to stop (shared.runtime.parts.GRACE_SECONDS), so waiting always races with the request to stop.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Coroutine
from typing import Any, TypeVar

_LOG = logging.getLogger(__name__)
FINISH_SECONDS = 4.0
CLOSE_SECONDS = 2.0
T = TypeVar("T")


async def unless_stopped(
    work: Coroutine[Any, Any, T], *, stop: asyncio.Event, finish_seconds: float = 0.0
) -> T | None:
    """Do the work, but cancel it when `stop` is set and it does not end within `finish_seconds`.

    Returns:
        What the work returned, or None if it was cancelled.

    Raises:
        Exception: whatever the work raises.
    """
    task = asyncio.ensure_future(work)
    stopped = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done() and finish_seconds:
            await asyncio.wait({task}, timeout=finish_seconds)
    finally:
        stopped.cancel()
        if not task.done():
            task.cancel()
            await asyncio.wait({task})
    return None if task.cancelled() else task.result()


async def close_within(seconds: float, closing: Awaitable[object], *, what: str) -> None:
    """Wait so long for a client to close; one that hangs is let go, and so is one that complains.

    Whoever closes has no further use for the client, so an error of it can change nothing.
    """
    try:
        async with asyncio.timeout(seconds):
            await closing
    except Exception as error:  # noqa: BLE001 - see above; the error is logged
        _LOG.warning("%s did not close in order", what, extra={"error": type(error).__name__})
