"""Issues a credit note on an invoice that the factor has; it goes into the next order."""

from __future__ import annotations

from dataclasses import dataclass, fields
from uuid import UUID

from services.invoicing.domain.correction import CreditNote, CreditNoteDraft, check_creditable
from services.invoicing.domain.events import CreditNoteWasIssued
from services.invoicing.domain.invoice import HistoryEntry
from services.invoicing.handlers.known import known_invoice
from services.invoicing.ports import UnitOfWork
from services.invoicing.ports.documents import (
    CreditNoteDocuments,
    CreditNoteRenderer,
    InvoiceDocuments,
)
from shared.kernel.clock import SWISS_TIME, Clock
from shared.kernel.money import Money


@dataclass(frozen=True, slots=True)
class IssueCreditNote:
    """Reduce this invoice by this amount."""

    practice_id: UUID
    invoice_id: UUID
    credit_note_id: UUID
    amount: Money
    reason_code: str
    by: str


async def issue_credit_note(
    command: IssueCreditNote,
    uow: UnitOfWork,
    *,
    renderer: CreditNoteRenderer,
    invoice_documents: InvoiceDocuments,
    documents: CreditNoteDocuments,
    clock: Clock,
) -> CreditNote:
    """Draw the number, render and store the document, keep the credit note, tell the others.

    The number is drawn under a lock, and a rollback gives it back. Once nothing is left of the
    invoice, its treatments may be billed anew.

    Raises:
        NotFoundError: the practice has no such invoice.
        ConflictError: the factor does not have the invoice.
        DomainError: the amount cannot be, or the official format refuses the document.
        TransientError: the object store did not answer.
    """
    invoice = await known_invoice(uow, command.practice_id, command.invoice_id)
    invoice_id = command.invoice_id
    standing = (await uow.invoices.lock_standings([invoice_id]))[invoice_id]
    credited = await uow.corrections.credited(invoice_id)
    check_creditable(
        standing,
        (await uow.orders.placements([invoice_id]))[invoice_id],
        amount=command.amount,
        invoice=invoice,
        credited=credited,
    )
    original = await invoice_documents.get(command.practice_id, invoice.document)
    draft = await _draft(command, uow, clock=clock)
    stored = await documents.put(command.practice_id, renderer.render(draft, original))
    same = {one.name: getattr(draft, one.name) for one in fields(draft)}
    note = CreditNote(**same, document=stored)
    await uow.corrections.add_credit_note(note)
    if credited + note.amount == invoice.open_amount:
        await uow.corrections.credit_whole(invoice_id)
    entry = HistoryEntry(
        invoice_id,
        "credit-note",
        note.issued_on,
        cause_id=note.credit_note_id,
        amount=note.amount,
        code=note.reason_code,
    )
    await uow.invoices.add_history(command.practice_id, [entry])
    uow.record(CreditNoteWasIssued(note, invoice))
    return note


async def _draft(command: IssueCreditNote, uow: UnitOfWork, *, clock: Clock) -> CreditNoteDraft:
    issued_at = clock.now().replace(microsecond=0)
    year = issued_at.astimezone(SWISS_TIME).year
    return CreditNoteDraft(
        credit_note_id=command.credit_note_id,
        practice_id=command.practice_id,
        invoice_id=command.invoice_id,
        year=year,
        serial=await uow.corrections.next_credit_note_serial(command.practice_id, year),
        amount=command.amount,
        reason_code=command.reason_code,
        issued_at=issued_at,
        issued_by=command.by,
    )
