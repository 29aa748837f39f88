"""Long work inside a transaction: the database ends one in which nothing is asked for a minute."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Protocol, TypeVar

PAUSE_SECONDS = 15.0
"""Well under the minute after which PostgreSQL ends a transaction that idles (shared.db)."""
T = TypeVar("T")


class StaysAwake(Protocol):
    """A transaction that can be kept alive while it has nothing to do."""

    async def stay_awake(self) -> None:
        """Ask the database for nothing, so that it does not take the transaction for forgotten."""


async def kept_awake(transaction: StaysAwake, work: Coroutine[Any, Any, T]) -> T:
    """Do work that asks nothing of the database, and keep the transaction alive meanwhile.

    Raises:
        TransientError: the transaction was lost all the same; the work is given up then.
    """
    task = asyncio.ensure_future(work)
    try:
        while not (await asyncio.wait({task}, timeout=PAUSE_SECONDS))[0]:
            await transaction.stay_awake()
        return task.result()
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait({task})
