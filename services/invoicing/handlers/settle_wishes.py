"""Answers wishes about invoices when something becomes known of the order that they wait for."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from services.invoicing.domain.cancellation_wish import CancellationWish, Intent, WishState
from services.invoicing.domain.correction import Way, way_to_correct
from services.invoicing.domain.invoice import Invoice
from services.invoicing.handlers.cancel_invoice import CancelInvoice, withdraw_from_books
from services.invoicing.handlers.correct_invoice import CorrectInvoice, correct_invoice
from services.invoicing.handlers.decide_conflict import REPLACE, DecideConflict, decide_conflict
from services.invoicing.handlers.known import known_invoice
from services.invoicing.handlers.wishing import Tools, ask, live_order, tell
from services.invoicing.ports import UnitOfWork
from shared.kernel.errors import DomainError, PermanentError


async def settle_wishes(order_id: UUID, uow: UnitOfWork, *, tools: Tools) -> None:
    """Answer the wishes that wait for an order of which something became known.

    Repeated, or with nothing decided yet, it changes nothing.

    Raises:
        TransientError: the object store did not answer; the whole can be done again.
    """
    for wish in await uow.wishes.pending(order_id):
        await _settle(wish, uow, tools)


async def carry_out(
    wish: CancellationWish, invoice: Invoice, uow: UnitOfWork, tools: Tools
) -> None:
    """Do what is wished with an invoice that no order holds.

    Raises:
        DomainError: something else forbids it.
        TransientError: the object store did not answer.
    """
    practice_id, invoice_id, by = wish.practice_id, wish.invoice_id, wish.asked_by
    if wish.conflict_id is not None:
        await decide_conflict(
            DecideConflict(practice_id, wish.conflict_id, REPLACE, by),
            uow,
            files=tools.files,
            documents=tools.documents,
            clock=tools.clock,
        )
    elif wish.corrected_id is not None:
        await correct_invoice(
            CorrectInvoice(
                practice_id=practice_id,
                invoice_id=invoice_id,
                corrected_id=wish.corrected_id,
                reason_code=wish.reason_code,
                by=by,
                content=wish.content,
            ),
            uow,
            renderer=tools.renderer,
            documents=tools.documents,
            clock=tools.clock,
        )
    else:
        cancel = CancelInvoice(practice_id, invoice_id, wish.reason_code, by)
        await withdraw_from_books(cancel, invoice, uow, clock=tools.clock)


async def _settle(wish: CancellationWish, uow: UnitOfWork, tools: Tools) -> None:
    invoice = await known_invoice(uow, wish.practice_id, wish.invoice_id)
    if wish.conflict_id is not None:
        await uow.imports.lock(wish.practice_id)  # in the order in which a decision takes them
    standing = (await uow.invoices.lock_standings([wish.invoice_id]))[wish.invoice_id]
    placements = (await uow.orders.placements([wish.invoice_id]))[wish.invoice_id]
    way, now = way_to_correct(standing, placements), tools.clock.now()
    if way is Way.CREDIT_NOTE:
        await uow.wishes.save(wish.settled(WishState.ORDER_LEFT, at=now))
        await tell(f"{wish.intent.word}-refused", wish, "needs-credit-note", uow)
    elif way is Way.WITHDRAW_FIRST:
        holding = live_order(placements)
        if holding != wish.order_id:
            # The order was taken back, but another one took the invoice along meanwhile.
            await ask(replace(wish, order_id=holding, asked_at=now), invoice, uow)
    elif way is Way.NONE and wish.intent is Intent.CANCEL:
        await uow.wishes.save(wish.settled(WishState.DONE, at=now))
    else:
        await _finish(wish, invoice, uow, tools)


async def _finish(wish: CancellationWish, invoice: Invoice, uow: UnitOfWork, tools: Tools) -> None:
    """Carry the wish out whole, or leave the invoice free and say why not."""
    now = tools.clock.now()
    try:
        async with uow.part():
            await carry_out(wish, invoice, uow, tools)
    except (DomainError, PermanentError) as error:
        code = error.code if isinstance(error, DomainError) else "document-damaged"
        await uow.wishes.save(wish.failed(code=code, reason=str(error), at=now))
        await tell(f"{wish.intent.word}-failed", wish, code, uow)
    else:
        await uow.wishes.save(wish.settled(WishState.DONE, at=now))
