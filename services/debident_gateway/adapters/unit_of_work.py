"""The unit of work on an open connection, and the opener of such for timers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.debident_gateway.adapters.circuits import SqlCircuitRepository
from services.debident_gateway.adapters.deb_gaps import SqlDebGapRepository
from services.debident_gateway.adapters.hand_reports import SqlHandReportRepository
from services.debident_gateway.adapters.repositories import (
    SqlContractRepository,
    SqlCredentialRepository,
    SqlDebFileRepository,
)
from services.debident_gateway.adapters.sealing import SecretSealer
from services.debident_gateway.adapters.transmissions import SqlTransmissionRepository
from services.debident_gateway.domain.events import DomainEvent
from services.debident_gateway.ports import UnitOfWork
from services.debident_gateway.translate import to_wire
from shared.db.engine import Database
from shared.db.scope import Scope
from shared.kernel.clock import Clock
from shared.messaging.unit_of_work import OutboxUnitOfWork


class SqlUnitOfWork(OutboxUnitOfWork[DomainEvent]):
    """See services.debident_gateway.ports.UnitOfWork."""

    def __init__(self, connection: AsyncConnection, clock: Clock, sealer: SecretSealer) -> None:
        super().__init__(connection, clock, to_wire)
        self.transmissions = SqlTransmissionRepository(connection)
        self.contracts = SqlContractRepository(connection)
        self.credentials = SqlCredentialRepository(connection, sealer)
        self.deb_files = SqlDebFileRepository(connection)
        self.deb_gaps = SqlDebGapRepository(connection)
        self.circuits = SqlCircuitRepository(connection)
        self.hand_reports = SqlHandReportRepository(connection)


class SqlUnitsOfWork:
    """Opens a transaction with a unit of work in it; both end together."""

    def __init__(
        self,
        database: Database,
        unit_of_work: Callable[[AsyncConnection], AbstractAsyncContextManager[UnitOfWork]],
    ) -> None:
        self._database = database
        self._unit_of_work = unit_of_work

    @asynccontextmanager
    async def begin(self, practice_id: UUID | None) -> AsyncIterator[UnitOfWork]:
        """Open one for a practice's rows, or (None) for the due work of all practices.

        Raises:
            TransientError: the database is not reachable or refused for a passing reason.
        """
        scope = Scope.everything() if practice_id is None else Scope.of(practice_id)
        async with (
            self._database.transaction(scope) as connection,
            self._unit_of_work(connection) as uow,
        ):
            yield uow
