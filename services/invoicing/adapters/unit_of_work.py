"""The unit of work on an open connection: whoever opened the transaction also ends it."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from sqlalchemy.ext.asyncio import AsyncConnection

from services.invoicing.adapters.invoice_rows import SqlInvoiceRepository
from services.invoicing.adapters.order_rows import SqlOrderRepository
from services.invoicing.adapters.patient_rows import (
    SqlPatientRepository,
    SqlTreatmentRepository,
)
from services.invoicing.adapters.practice_rows import SqlPracticeRepository
from services.invoicing.domain.events import InvoicingEvent
from services.invoicing.translate import to_wire
from shared.kernel.clock import Clock
from shared.messaging import outbox


class SqlUnitOfWork:
    """See services.invoicing.ports.UnitOfWork; it never commits."""

    def __init__(self, connection: AsyncConnection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock
        self._recorded: list[InvoicingEvent] = []
        self.practices = SqlPracticeRepository(connection)
        self.patients = SqlPatientRepository(connection)
        self.treatments = SqlTreatmentRepository(connection)
        self.invoices = SqlInvoiceRepository(connection)
        self.orders = SqlOrderRepository(connection)

    def record(self, event: InvoicingEvent) -> None:
        """Note a domain event, to be told to the other services."""
        self._recorded.append(event)

    async def __aenter__(self) -> Self:
        """Begin."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Hand the recorded events to the outbox unless an error passes through."""
        if error is None:
            payloads = [to_wire(event) for event in self._recorded]
            await outbox.append(self._connection, payloads, occurred_at=self._clock.now())
