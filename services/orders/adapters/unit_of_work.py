"""The unit of work on an open connection: repositories, and events into the outbox at its end."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from sqlalchemy.ext.asyncio import AsyncConnection

from services.orders.adapters.order_repository import SqlOrderRepository
from services.orders.adapters.repositories import (
    SqlContractRepository,
    SqlInvoiceRepository,
    SqlPracticeRepository,
)
from services.orders.domain.events import DomainEvent
from services.orders.translate import to_wire
from shared.kernel.clock import Clock
from shared.messaging import outbox


class SqlUnitOfWork:
    """Repositories on one connection. It never commits: whoever opened the transaction does."""

    def __init__(self, connection: AsyncConnection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock
        self._events: list[DomainEvent] = []
        self.practices = SqlPracticeRepository(connection)
        self.contracts = SqlContractRepository(connection)
        self.invoices = SqlInvoiceRepository(connection)
        self.orders = SqlOrderRepository(connection)

    def record(self, event: DomainEvent) -> None:
        """Keep an event for the outbox."""
        self._events.append(event)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error_type is None:
            await outbox.append(
                self._connection,
                [to_wire(event) for event in self._events],
                occurred_at=self._clock.now(),
            )
