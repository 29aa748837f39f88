"""The unit of work on an open transaction: repositories, and events that leave with it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.reconciliation.adapters.books import PostgresBookRepository
from services.reconciliation.adapters.confirmations import PostgresConfirmationRepository
from services.reconciliation.adapters.deb_files import PostgresDebFileRepository
from services.reconciliation.adapters.deb_life import PostgresDebLifeRepository
from services.reconciliation.adapters.dunning import PostgresDunningRepository
from services.reconciliation.adapters.exceptions import PostgresExceptionRepository
from services.reconciliation.adapters.periods import PostgresPeriodRepository
from services.reconciliation.adapters.practices import PostgresPracticeRepository
from services.reconciliation.adapters.row_decisions import PostgresRowDecisionRepository
from services.reconciliation.domain.events import DomainEvent
from services.reconciliation.ports import (
    BookRepository,
    ConfirmationRepository,
    DebFileRepository,
    DebLifeRepository,
    ExceptionRepository,
    PracticeRepository,
    RowDecisionRepository,
    UnitOfWork,
    UnitOpener,
)
from services.reconciliation.ports.dunning import DunningRepository
from services.reconciliation.ports.periods import PeriodRepository
from services.reconciliation.translate import to_wire
from shared.db.engine import Database
from shared.db.scope import Scope
from shared.kernel.clock import Clock
from shared.messaging.unit_of_work import OutboxUnitOfWork


class SqlUnitOfWork(OutboxUnitOfWork[DomainEvent]):
    """See services.reconciliation.ports.UnitOfWork."""

    def __init__(self, connection: AsyncConnection, clock: Clock) -> None:
        super().__init__(connection, clock, to_wire)
        self.practices: PracticeRepository = PostgresPracticeRepository(connection)
        self.books: BookRepository = PostgresBookRepository(connection)
        self.confirmations: ConfirmationRepository = PostgresConfirmationRepository(connection)
        self.exceptions: ExceptionRepository = PostgresExceptionRepository(connection)
        self.row_decisions: RowDecisionRepository = PostgresRowDecisionRepository(connection)
        self.deb_files: DebFileRepository = PostgresDebFileRepository(connection, clock)
        self.deb_life: DebLifeRepository = PostgresDebLifeRepository(connection, clock)
        self.periods: PeriodRepository = PostgresPeriodRepository(connection)
        self.dunning: DunningRepository = PostgresDunningRepository(connection)


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
