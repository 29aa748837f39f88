"""Cancelling an invoice in an order that has not left asks for the order; the answer is late."""

from __future__ import annotations

from services.invoicing.domain.cancellation_wish import CancellationWish, Intent, refuse_another
from services.invoicing.handlers.cancel_invoice import CancelInvoice
from services.invoicing.handlers.known import known_invoice
from services.invoicing.handlers.wishing import ask, holding_order, open_wish
from services.invoicing.ports import UnitOfWork
from shared.kernel.clock import Clock


async def wish_cancellation(command: CancelInvoice, uow: UnitOfWork, *, clock: Clock) -> bool:
    """Ask for the order that holds the invoice; return False if none has to be asked for.

    Asked again while the first wish waits, it changes nothing. Where packages are handed over by
    hand only a person knows whether that happened, so that person withdraws the order.

    Raises:
        NotFoundError: the practice has no such invoice.
        ConflictError: a correction of it waits.
    """
    invoice = await known_invoice(uow, command.practice_id, command.invoice_id)
    order_id = await holding_order(invoice, uow)
    waiting = await open_wish(command.invoice_id, uow)
    if waiting is not None and waiting.intent is not Intent.CANCEL:
        raise refuse_another(waiting, invoice)
    if order_id is None:
        return False
    if waiting is None:
        wish = CancellationWish(
            practice_id=command.practice_id,
            invoice_id=command.invoice_id,
            order_id=order_id,
            reason_code=command.reason_code,
            asked_at=clock.now(),
            asked_by=command.by,
        )
        await ask(wish, invoice, uow)
    return True
