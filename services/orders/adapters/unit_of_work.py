"""The unit of work on an open connection: repositories, and events into the outbox at its end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.orders.adapters.arrival_repository import SqlArrivalRepository
from services.orders.adapters.correction_repository import SqlCorrectionRepository
from services.orders.adapters.leaving_repository import SqlLeavingRepository
from services.orders.adapters.order_repository import SqlOrderRepository
from services.orders.adapters.queue_repositories import SqlPolicyRepository, SqlTaskRepository
from services.orders.adapters.repositories import (
    SqlContractRepository,
    SqlInvoiceRepository,
    SqlPracticeRepository,
)
from services.orders.domain.events import DomainEvent
from services.orders.ports import UnitOfWork
from services.orders.translate import to_wire
from shared.db.engine import Database
from shared.db.scope import Scope
from shared.kernel.clock import Clock
from shared.messaging.unit_of_work import OutboxUnitOfWork


class SqlUnitOfWork(OutboxUnitOfWork[DomainEvent]):
    """See services.orders.ports.UnitOfWork."""

    def __init__(self, connection: AsyncConnection, clock: Clock) -> None:
        super().__init__(connection, clock, to_wire)
        self.practices = SqlPracticeRepository(connection)
        self.contracts = SqlContractRepository(connection)
        self.invoices = SqlInvoiceRepository(connection)
        self.corrections = SqlCorrectionRepository(connection)
        self.orders = SqlOrderRepository(connection)
        self.arrivals = SqlArrivalRepository(connection)
        self.leavings = SqlLeavingRepository(connection)
        self.tasks = SqlTaskRepository(connection)
        self.policies = SqlPolicyRepository(connection)


class SqlUnitsOfWork:
    """Opens a transaction with a unit of work in it; both end together."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    @asynccontextmanager
    async def begin(self, practice_id: UUID | None) -> AsyncIterator[UnitOfWork]:
        """Open one for a practice's rows, or (None) for the due work of all practices.

        Raises:
            TransientError: the database is not reachable or refused for a passing reason.
        """
        scope = Scope.everything() if practice_id is None else Scope.of(practice_id)
        async with (
            self._database.transaction(scope) as connection,
            SqlUnitOfWork(connection, self._clock) as uow,
        ):
            yield uow
