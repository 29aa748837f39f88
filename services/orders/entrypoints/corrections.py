"""What orders does when invoicing corrects an issued invoice."""

from __future__ import annotations

from services.orders.domain.credit_note import CreditNote
from services.orders.domain.order import FOR_A_CORRECTION
from services.orders.entrypoints.workshop import Workshop
from services.orders.handlers.cancel_invoice import CancelInvoice, cancel_invoice
from services.orders.handlers.list_credit_note import ListCreditNote, list_credit_note
from services.orders.handlers.note_document import NoteDocument, note_document
from services.orders.handlers.wish_withdrawal import WishWithdrawal, wish_withdrawal
from services.orders.ports import UnitOfWork
from services.orders.translate import stored_content
from shared.contracts.invoicing.v1 import (
    CreditNoteIssued,
    InvoiceCancelled,
    InvoiceDocumentRendered,
    InvoiceWithdrawalWished,
)
from shared.kernel.ids import ContractId, InvoiceId, OrderId, PracticeId
from shared.messaging.events import ReceivedEvent


async def invoice_cancelled(
    event: ReceivedEvent[InvoiceCancelled], uow: UnitOfWork, workshop: Workshop
) -> object:
    """Take the invoice off the list."""
    payload = event.payload
    command = CancelInvoice(PracticeId(payload.practice_id), InvoiceId(payload.invoice_id))
    return await cancel_invoice(command, uow, workshop.clock)


async def document_rendered(
    event: ReceivedEvent[InvoiceDocumentRendered], uow: UnitOfWork, _: Workshop
) -> object:
    """Take the new document with the next order."""
    command = NoteDocument(
        practice_id=PracticeId(event.payload.practice_id),
        invoice_id=InvoiceId(event.payload.invoice_id),
        document=stored_content(event.payload.document),
        document_format=event.payload.document_format,
    )
    return await note_document(command, uow)


async def withdrawal_wished(
    event: ReceivedEvent[InvoiceWithdrawalWished], uow: UnitOfWork, workshop: Workshop
) -> object:
    """Want the order back."""
    command = WishWithdrawal(
        order_id=OrderId(event.payload.order_id),
        practice_id=PracticeId(event.payload.practice_id),
        invoice_id=InvoiceId(event.payload.invoice_id),
        why=FOR_A_CORRECTION,
    )
    return await wish_withdrawal(command, uow, workshop.clock)


async def credit_note_issued(
    event: ReceivedEvent[CreditNoteIssued], uow: UnitOfWork, workshop: Workshop
) -> object:
    """Keep the credit note for the next order."""
    payload = event.payload
    note = CreditNote(
        credit_note_id=payload.credit_note_id,
        practice_id=PracticeId(payload.practice_id),
        contract_id=ContractId(payload.contract_id),
        invoice_id=InvoiceId(payload.invoice_id),
        number=payload.credit_note_number,
        debtor_number=payload.debtor_number,
        amount=payload.amount.to_money(),
        document=stored_content(payload.document),
        issued_on=payload.issued_on,
    )
    return await list_credit_note(ListCreditNote(note), uow, workshop.clock)
