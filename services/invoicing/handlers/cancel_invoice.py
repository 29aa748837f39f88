"""Cancels an invoice that is in no order: nobody owes it, and its treatments may be billed anew."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from services.invoicing.domain.correction import Cancellation, check_cancellable
from services.invoicing.domain.events import InvoiceWasCancelled
from services.invoicing.domain.invoice import HistoryEntry, Invoice, InvoiceState, Outcome
from services.invoicing.handlers.known import known_invoice
from services.invoicing.ports import UnitOfWork
from shared.kernel.clock import Clock
from shared.kernel.errors import ConflictError
from shared.kernel.ids import derived_id


@dataclass(frozen=True, slots=True)
class CancelInvoice:
    """Cancel this invoice, for this reason.

    Attributes:
        by: who cancels it.
    """

    practice_id: UUID
    invoice_id: UUID
    reason_code: str
    by: str


async def cancel_invoice(command: CancelInvoice, uow: UnitOfWork, *, clock: Clock) -> Outcome:
    """Cancel the invoice and tell the other services; a cancelled one stays as it is.

    Raises:
        NotFoundError: the practice has no such invoice.
        ConflictError: it is in an order, with the factor, or has a credit note not settled yet.
    """
    invoice = await known_invoice(uow, command.practice_id, command.invoice_id)
    standing = (await uow.invoices.lock_standings([command.invoice_id]))[command.invoice_id]
    if standing.state is InvoiceState.CANCELLED:
        return Outcome.ALREADY_DONE
    await withdraw_from_books(command, invoice, uow, clock=clock)
    return Outcome.DONE


async def withdraw_from_books(
    command: CancelInvoice,
    invoice: Invoice,
    uow: UnitOfWork,
    *,
    clock: Clock,
    replaced_by: UUID | None = None,
) -> Cancellation:
    """Cancel the invoice, release its treatments and record it; shared with the correction.

    Raises:
        ConflictError: it is in an order, with the factor or cancelled, or has a credit note that is
            not settled yet.
    """
    invoice_id = invoice.invoice_id
    standing = (await uow.invoices.lock_standings([invoice_id]))[invoice_id]
    placements = (await uow.orders.placements([invoice_id]))[invoice_id]
    check_cancellable(standing, placements)
    if await uow.corrections.has_pending_credit_note(invoice_id):
        credited = await uow.corrections.credited(invoice_id)
        raise ConflictError(
            f"Invoice {invoice.number} is reduced by {credited.for_people()} with a credit note"
            " that the books have not settled yet. It can be cancelled once they have.",
            code="has-credit-note",
            invoice_number=invoice.number,
            credited=str(credited),
        )
    cancellation = Cancellation(
        invoice_id, command.reason_code, clock.now(), command.by, replaced_by
    )
    await uow.corrections.cancel(cancellation)
    await uow.invoices.save_standings([standing.cancelled()])
    entry = HistoryEntry(
        invoice_id,
        "cancelled",
        cancellation.cancelled_on,
        cause_id=derived_id("cancelled", invoice_id),
        code=command.reason_code,
    )
    await uow.invoices.add_history(command.practice_id, [entry])
    uow.record(InvoiceWasCancelled(invoice, cancellation))
    return cancellation
