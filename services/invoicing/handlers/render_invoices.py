"""Writes the documents of issued invoices anew, in the version that their contracts demand now."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from uuid import UUID

from services.invoicing.domain.document import InvoiceDocument, check_document
from services.invoicing.domain.events import DocumentWasRendered
from services.invoicing.domain.invoice import (
    HistoryEntry,
    Invoice,
    InvoiceState,
    Standing,
    StoredDocument,
)
from services.invoicing.domain.order import Placement
from services.invoicing.domain.practice import Contract
from services.invoicing.domain.rendition import NotRendered, Rendition
from services.invoicing.handlers.known import known_invoice, known_practice
from services.invoicing.ports import UnitOfWork
from services.invoicing.ports.documents import DocumentReader, InvoiceDocuments, InvoiceRenderer
from shared.kernel.clock import Clock
from shared.kernel.errors import ConflictError, DomainError, PermanentError
from shared.kernel.ids import derived_id


@dataclass(frozen=True, slots=True)
class RenderInvoices:
    """Give each of these invoices the document that its contract demands."""

    practice_id: UUID
    invoice_ids: tuple[UUID, ...]
    by: str


@dataclass(frozen=True, slots=True)
class Rendered:
    """Whose documents were written anew, how many were right before, and which could not be."""

    newly: tuple[UUID, ...]
    before: int
    refused: tuple[NotRendered, ...]


@dataclass(frozen=True, slots=True)
class RenderingDesk:
    """What rendering needs from outside."""

    renderer: InvoiceRenderer
    documents: InvoiceDocuments
    reader: DocumentReader
    clock: Clock


async def render_invoices(
    command: RenderInvoices, uow: UnitOfWork, desk: RenderingDesk
) -> Rendered:
    """Render each invoice by itself: what is wrong with one is no other's trouble.

    The content is that of the issue. Names and terms are those on record today, so the new document
    is held against the old one; if they differ on paper, the invoice has to be corrected instead.
    Repeated, it changes nothing.

    Raises:
        DomainError: the practice has no such invoice; nothing is rendered then.
        TransientError: the object store did not answer.
    """
    standings = await uow.invoices.lock_standings(command.invoice_ids)
    for place, invoice_id in enumerate(command.invoice_ids):
        if invoice_id not in standings:
            raise DomainError(
                "There is no such invoice.", code="unknown-invoice", field=f"invoice_ids.{place}"
            )
    placements = await uow.orders.placements(command.invoice_ids)
    outside = await uow.renditions.came_from_outside(command.practice_id, command.invoice_ids)
    newly, refused = list[UUID](), list[NotRendered]()
    for invoice_id in command.invoice_ids:
        standing = standings[invoice_id]
        try:
            _check_free(standing, placements.get(invoice_id, []))
            came = invoice_id in outside
            if await _render(command, invoice_id, uow, desk, from_outside=came):
                newly.append(invoice_id)
        except DomainError as error:
            number = standing.invoice_number
            refused.append(NotRendered(invoice_id, number, error.code, str(error)))
        except PermanentError as error:
            number = standing.invoice_number
            refused.append(NotRendered(invoice_id, number, "document-damaged", str(error)))
    before = len(command.invoice_ids) - len(newly) - len(refused)
    return Rendered(tuple(newly), before, tuple(refused))


def _check_free(standing: Standing, placements: list[Placement]) -> None:
    """Check that no order has the invoice; what the factor gave back may go into another one."""
    live = [one for one in standing.places_since_return(placements) if one.is_live]
    stays_acquitted = standing.is_acquitted and standing.given_back_by is None
    number = standing.invoice_number
    if standing.state is InvoiceState.CANCELLED:
        raise ConflictError(f"Invoice {number} is cancelled.", code="invoice-cancelled")
    if stays_acquitted or any(one.has_left for one in live):
        raise ConflictError(
            f"The factor has invoice {number} already, with the document that it was sent.",
            code="already-with-factor",
        )
    if live:
        raise ConflictError(
            f"Invoice {number} is in an order that has not left. Take that order back first.",
            code="withdraw-order-first",
        )


async def _render(
    command: RenderInvoices,
    invoice_id: UUID,
    uow: UnitOfWork,
    desk: RenderingDesk,
    *,
    from_outside: bool,
) -> bool:
    invoice = await known_invoice(uow, command.practice_id, invoice_id)
    contract = await _contract(invoice, uow)
    if invoice.document_format == contract.invoice_format:
        return False
    before = await desk.documents.get(command.practice_id, invoice.document)
    if desk.reader.version(before) == contract.invoice_format:
        # Of an invoice of former days nobody was told the version.
        stored = invoice.document
    elif from_outside:
        raise ConflictError(
            f"Invoice {invoice.number} came from outside. Cancel it and import the file in"
            f" the version {contract.invoice_format}.",
            code="came-from-outside",
        )
    else:
        stored = await _anew(invoice, contract, before, uow, desk)
    await _keep(command, invoice, stored, contract.invoice_format, uow, clock=desk.clock)
    return True


async def _contract(invoice: Invoice, uow: UnitOfWork) -> Contract:
    contract_id = invoice.contract_id
    found = contract_id and await uow.practices.contract(invoice.practice_id, contract_id)
    if not found:
        raise DomainError(
            f"Invoice {invoice.number} is under no contract: no factor demands a version.",
            code="no-contract",
        )
    return found


async def _anew(
    invoice: Invoice, contract: Contract, before: bytes, uow: UnitOfWork, desk: RenderingDesk
) -> StoredDocument:
    document = await _document(invoice, contract, uow)
    check_document(document)
    data = await asyncio.to_thread(desk.renderer.render, document)
    if not desk.reader.agree(before, data):
        raise ConflictError(
            f"Since invoice {invoice.number} was issued, a name, an address or a term that stands"
            " on it has changed. Correct it: that cancels it and bills the same again.",
            code="content-changed",
        )
    return await desk.documents.put(invoice.practice_id, data)


async def _document(invoice: Invoice, contract: Contract, uow: UnitOfWork) -> InvoiceDocument:
    practice_id = invoice.practice_id
    billed = await uow.corrections.treatments_of(invoice.invoice_id)
    found = await uow.treatments.lock(practice_id, billed)
    treatments = sorted(found.values(), key=lambda one: (one.begun_on, one.treatment_id))
    patient = await uow.patients.get(practice_id, invoice.patient_id)
    if patient is None or not treatments:
        raise DomainError("The invoice bills nothing that is known here.", code="unknown-treatment")
    provider_ids = {treatment.provider_id for treatment in treatments}
    return InvoiceDocument(
        invoice_id=invoice.invoice_id,
        year=invoice.year,
        serial=invoice.serial,
        issued_at=invoice.issued_at,
        practice=await known_practice(uow, practice_id),
        contract=contract,
        patient=patient,
        providers=await uow.practices.providers(practice_id, provider_ids),
        treatments=tuple(treatments),
        deposit=invoice.deposit,
        payment_period_days=(invoice.due_on - invoice.issued_on).days,
        discount_percent=invoice.discount_percent,
        insurance=invoice.insurance,
    )


async def _keep(
    command: RenderInvoices,
    invoice: Invoice,
    stored: StoredDocument,
    document_format: str,
    uow: UnitOfWork,
    *,
    clock: Clock,
) -> None:
    rendition = Rendition(
        practice_id=invoice.practice_id,
        invoice_id=invoice.invoice_id,
        document=stored,
        document_format=document_format,
        rendered_at=clock.now(),
        rendered_by=command.by,
    )
    place = await uow.renditions.add(rendition)
    entry = HistoryEntry(
        invoice.invoice_id,
        "rendered",
        clock.today(),
        cause_id=derived_id("rendered", invoice.invoice_id, place),
        code=f"format-{document_format}",
    )
    await uow.invoices.add_history(invoice.practice_id, [entry])
    uow.record(DocumentWasRendered(invoice, rendition))
