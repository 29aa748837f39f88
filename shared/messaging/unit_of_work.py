"""The half of a unit of work that every service needs: domain events that leave with it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Generic, Self, TypeVar

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.contracts.envelope import EventPayload
from shared.kernel.clock import Clock
from shared.messaging import outbox

E = TypeVar("E")
_AWAKE = text("SELECT 1")


class OutboxUnitOfWork(Generic[E]):
    """Records domain events on an open connection and hands them to the outbox at its end.

    It never commits: whoever opened the transaction does. A service adds its repositories.
    """

    def __init__(
        self, connection: AsyncConnection, clock: Clock, to_wire: Callable[[E], EventPayload]
    ) -> None:
        self._connection = connection
        self._clock = clock
        self._to_wire = to_wire
        self._recorded: list[E] = []

    def record(self, event: E) -> None:
        """Keep a domain event; it leaves with the transaction, in the order recorded."""
        self._recorded.append(event)

    async def stay_awake(self) -> None:
        """Ask the database for nothing, so that it does not take the transaction for forgotten."""
        await self._connection.execute(_AWAKE)

    @asynccontextmanager
    async def part(self, *, trial: bool = False) -> AsyncIterator[None]:
        """Undo what is written and recorded within if an error ends it; what came before stays.

        Args:
            trial: undo it in any case.
        """
        before = len(self._recorded)
        savepoint = await self._connection.begin_nested()
        kept = False
        try:
            yield
            kept = not trial
        finally:
            if kept:
                await savepoint.commit()
            else:
                await savepoint.rollback()
                del self._recorded[before:]

    async def __aenter__(self) -> Self:
        """Begin."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Write the recorded events to the outbox, unless an error passes through."""
        if kind is None:
            await outbox.append(
                self._connection,
                [self._to_wire(event) for event in self._recorded],
                occurred_at=self._clock.now(),
            )
