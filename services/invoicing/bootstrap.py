"""Assembles invoicing; the only file that names concrete classes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.invoicing.adapters.documents import (
    StoredCreditNoteDocuments,
    StoredInvoiceDocuments,
    StoredOrderDocuments,
)
from services.invoicing.adapters.forum_comparison import ForumDocumentReader
from services.invoicing.adapters.forum_credit_note import ForumCreditNoteRenderer
from services.invoicing.adapters.forum_xml import ForumInvoiceRenderer
from services.invoicing.adapters.invoice_files import ForumInvoiceFiles
from services.invoicing.adapters.invoice_pdf import PdfInvoicePrinter
from services.invoicing.adapters.unit_of_work import SqlUnitOfWork
from services.invoicing.entrypoints.desk import Desk
from services.invoicing.entrypoints.events import subscriptions
from services.invoicing.entrypoints.http import endpoints
from services.invoicing.ports import UnitOfWork
from services.invoicing.ports.documents import InvoiceRenderer
from services.invoicing.settings import InvoicingSettings
from shared.contracts.topics import INVOICING
from shared.db.engine import Database
from shared.db.scope import Scope
from shared.kernel.clock import Clock, SystemClock
from shared.objectstore.store import ObjectStore, open_object_store
from shared.runtime.dead_letters_http import dead_letter_endpoints
from shared.runtime.definition import ServiceDefinition
from shared.runtime.settings import decode_key

MIGRATIONS = Path(__file__).parent / "migrations"


def build(
    settings: InvoicingSettings,
    *,
    database: Database | None = None,
    clock: Clock | None = None,
    object_store: ObjectStore | None = None,
    renderer: InvoiceRenderer | None = None,
) -> ServiceDefinition:
    """Return the service, assembled from its settings; what is passed in takes precedence."""
    database = database or Database(
        settings.database_url.get_secret_value(), application_name=INVOICING
    )
    clock = clock or SystemClock()
    store = object_store or open_object_store(
        settings.object_store_url,
        key=decode_key(settings.object_store_key),
        retention_years=settings.retention_years,
    )
    desk = build_desk(
        database=database,
        clock=clock,
        object_store=store,
        renderer=renderer or ForumInvoiceRenderer(modus=settings.document_modus),
        takes_trials=settings.document_modus == "test",
    )
    return ServiceDefinition(
        name=INVOICING,
        title="Quittance invoicing",
        settings=settings,
        database=database,
        clock=clock,
        migrations=MIGRATIONS,
        endpoints=[*endpoints(desk), *dead_letter_endpoints(clock)],
        subscriptions=subscriptions(desk),
    )


def build_desk(
    *,
    database: Database,
    clock: Clock,
    object_store: ObjectStore,
    renderer: InvoiceRenderer,
    takes_trials: bool = False,
) -> Desk:
    """Return the ports of the entry points on PostgreSQL and the object store.

    Args:
        takes_trials: whether imported documents may say that they are trials.
    """

    def unit_of_work(connection: AsyncConnection) -> UnitOfWork:
        return SqlUnitOfWork(connection, clock)

    @asynccontextmanager
    async def own_transaction(practice_id: UUID) -> AsyncIterator[UnitOfWork]:
        async with (
            database.transaction(Scope.of(practice_id)) as connection,
            unit_of_work(connection) as uow,
        ):
            yield uow

    return Desk(
        unit_of_work=unit_of_work,
        own_transaction=own_transaction,
        renderer=renderer,
        documents=StoredInvoiceDocuments(object_store),
        order_documents=StoredOrderDocuments(object_store),
        invoice_files=ForumInvoiceFiles(takes_trials=takes_trials),
        printer=PdfInvoicePrinter(),
        document_reader=ForumDocumentReader(),
        credit_note_renderer=ForumCreditNoteRenderer(),
        credit_note_documents=StoredCreditNoteDocuments(object_store),
        clock=clock,
    )
