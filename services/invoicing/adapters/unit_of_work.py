"""The unit of work on an open connection: repositories, and events into the outbox at its end."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncConnection

from services.invoicing.adapters.correction_rows import SqlCorrectionRepository
from services.invoicing.adapters.import_rows import SqlImportRepository
from services.invoicing.adapters.invoice_rows import SqlInvoiceRepository
from services.invoicing.adapters.order_rows import SqlOrderRepository
from services.invoicing.adapters.patient_rows import (
    SqlPatientRepository,
    SqlTreatmentRepository,
)
from services.invoicing.adapters.practice_rows import SqlPracticeRepository
from services.invoicing.adapters.price_rows import SqlPriceRepository
from services.invoicing.adapters.rendition_rows import SqlRenditionRepository
from services.invoicing.adapters.wish_rows import SqlWishRepository
from services.invoicing.domain.events import InvoicingEvent
from services.invoicing.translate import to_wire
from shared.kernel.clock import Clock
from shared.messaging.unit_of_work import OutboxUnitOfWork


class SqlUnitOfWork(OutboxUnitOfWork[InvoicingEvent]):
    """See services.invoicing.ports.UnitOfWork."""

    def __init__(self, connection: AsyncConnection, clock: Clock) -> None:
        super().__init__(connection, clock, to_wire)
        self.practices = SqlPracticeRepository(connection)
        self.prices = SqlPriceRepository(connection)
        self.patients = SqlPatientRepository(connection)
        self.treatments = SqlTreatmentRepository(connection)
        self.invoices = SqlInvoiceRepository(connection)
        self.corrections = SqlCorrectionRepository(connection)
        self.imports = SqlImportRepository(connection)
        self.orders = SqlOrderRepository(connection)
        self.wishes = SqlWishRepository(connection)
        self.renditions = SqlRenditionRepository(connection)
