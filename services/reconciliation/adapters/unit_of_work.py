"""The unit of work on an open transaction: repositories, and events that leave with it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Self
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.reconciliation.adapters.books import PostgresBookRepository
from services.reconciliation.adapters.confirmations import PostgresConfirmationRepository
from services.reconciliation.adapters.deb_files import PostgresDebFileRepository
from services.reconciliation.adapters.practices import PostgresPracticeRepository
from services.reconciliation.domain.events import DomainEvent
from services.reconciliation.ports import (
    BookRepository,
    ConfirmationRepository,
    DebFileRepository,
    PracticeRepository,
    UnitOfWork,
    UnitOpener,
)
from services.reconciliation.translate import to_wire
from shared.db.engine import Database
from shared.db.scope import Scope
from shared.kernel.clock import Clock
from shared.messaging import outbox


class SqlUnitOfWork:
    """`UnitOfWork` on a connection whose transaction belongs to the caller."""

    def __init__(self, connection: AsyncConnection, clock: Clock) -> None:
        self.practices: PracticeRepository = PostgresPracticeRepository(connection)
        self.books: BookRepository = PostgresBookRepository(connection)
        self.confirmations: ConfirmationRepository = PostgresConfirmationRepository(connection)
        self.deb_files: DebFileRepository = PostgresDebFileRepository(connection, clock)
        self._connection = connection
        self._clock = clock
        self._events: list[DomainEvent] = []

    def record(self, event: DomainEvent) -> None:
        """Remember an event; it leaves with the transaction."""
        self._events.append(event)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Write the recorded events to the outbox after clean work; never commit."""
        if error is None:
            await outbox.append(
                self._connection,
                [to_wire(event) for event in self._events],
                occurred_at=self._clock.now(),
            )


def unit_opener(database: Database, clock: Clock) -> UnitOpener:
    """Return the opener of transactions for work that no request or event started."""

    @asynccontextmanager
    async def open_unit(practice_id: UUID) -> AsyncIterator[UnitOfWork]:
        async with (
            database.transaction(Scope.of(practice_id)) as connection,
            SqlUnitOfWork(connection, clock) as uow,
        ):
            yield uow

    return open_unit
