"""The unit of work on an open connection: repositories, and events into the outbox at its end."""

from __future__ import annotations

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
from shared.messaging.unit_of_work import OutboxUnitOfWork


class SqlUnitOfWork(OutboxUnitOfWork[DomainEvent]):
    """See services.orders.ports.UnitOfWork."""

    def __init__(self, connection: AsyncConnection, clock: Clock) -> None:
        super().__init__(connection, clock, to_wire)
        self.practices = SqlPracticeRepository(connection)
        self.contracts = SqlContractRepository(connection)
        self.invoices = SqlInvoiceRepository(connection)
        self.orders = SqlOrderRepository(connection)
