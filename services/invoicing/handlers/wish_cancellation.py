"""Cancelling an invoice in an order that has not left asks for the order; the answer is late."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from services.invoicing.domain.cancellation_wish import CancellationWish, WishState
from services.invoicing.domain.correction import Way, way_to_correct
from services.invoicing.domain.events import WithdrawalWasWished
from services.invoicing.domain.invoice import HistoryEntry, Invoice
from services.invoicing.domain.order import Placement
from services.invoicing.handlers.cancel_invoice import CancelInvoice, withdraw_from_books
from services.invoicing.handlers.known import known_invoice
from services.invoicing.ports import UnitOfWork
from shared.kernel.clock import SWISS_TIME, Clock
from shared.kernel.ids import derived_id

_BY_HAND = "manual"


async def wish_cancellation(command: CancelInvoice, uow: UnitOfWork, *, clock: Clock) -> bool:
    """Ask for the order that holds the invoice; return False if none has to be asked for.

    Asked again while the first wish waits, it changes nothing. Where packages are handed over by
    hand only a person knows whether that happened, so that person withdraws the order.

    Raises:
        NotFoundError: the practice has no such invoice.
    """
    invoice = await known_invoice(uow, command.practice_id, command.invoice_id)
    standing = (await uow.invoices.lock_standings([command.invoice_id]))[command.invoice_id]
    placements = (await uow.orders.placements([command.invoice_id]))[command.invoice_id]
    if way_to_correct(standing, placements) is not Way.WITHDRAW_FIRST:
        return False
    if await _is_handed_over_by_hand(invoice, uow):
        return False
    wish = CancellationWish(
        practice_id=command.practice_id,
        invoice_id=command.invoice_id,
        order_id=_holding(placements),
        reason_code=command.reason_code,
        asked_at=clock.now(),
        asked_by=command.by,
    )
    earlier = await uow.wishes.of_invoice(command.invoice_id)
    if earlier is None or earlier.state is not WishState.PENDING:
        await _ask(wish, invoice, uow)
    return True


async def settle_cancellations(order_id: UUID, uow: UnitOfWork, *, clock: Clock) -> None:
    """Answer the wishes that wait for an order of which something became known.

    Repeated, or with nothing decided yet, it changes nothing.
    """
    for wish in await uow.wishes.pending(order_id):
        await _settle(wish, uow, clock=clock)


async def _settle(wish: CancellationWish, uow: UnitOfWork, *, clock: Clock) -> None:
    invoice = await known_invoice(uow, wish.practice_id, wish.invoice_id)
    standing = (await uow.invoices.lock_standings([wish.invoice_id]))[wish.invoice_id]
    placements = (await uow.orders.placements([wish.invoice_id]))[wish.invoice_id]
    way, now = way_to_correct(standing, placements), clock.now()
    if way is Way.CREDIT_NOTE:
        await uow.wishes.save(wish.settled(WishState.ORDER_LEFT, at=now))
        entry = _entry("cancellation-refused", wish, "needs-credit-note")
        await uow.invoices.add_history(wish.practice_id, [entry])
    elif way is Way.WITHDRAW_FIRST:
        holding = _holding(placements)
        if holding != wish.order_id:
            # The order was taken back, but another one took the invoice along meanwhile.
            await _ask(replace(wish, order_id=holding, asked_at=now), invoice, uow)
    else:
        if way is Way.CANCEL:
            cancel = CancelInvoice(
                wish.practice_id, wish.invoice_id, wish.reason_code, wish.asked_by
            )
            await withdraw_from_books(cancel, invoice, uow, clock=clock)
        await uow.wishes.save(wish.settled(WishState.DONE, at=now))


async def _ask(wish: CancellationWish, invoice: Invoice, uow: UnitOfWork) -> None:
    await uow.wishes.save(wish)
    entry = _entry("cancellation-asked", wish, wish.reason_code)
    await uow.invoices.add_history(wish.practice_id, [entry])
    uow.record(WithdrawalWasWished(invoice, wish))


async def _is_handed_over_by_hand(invoice: Invoice, uow: UnitOfWork) -> bool:
    if invoice.contract_id is None:
        return False
    contract = await uow.practices.contract(invoice.practice_id, invoice.contract_id)
    return contract is not None and contract.portal.adapter == _BY_HAND


def _holding(placements: Sequence[Placement]) -> UUID:
    return next(placement.order_id for placement in placements if placement.is_live)


def _entry(kind: str, wish: CancellationWish, code: str) -> HistoryEntry:
    return HistoryEntry(
        wish.invoice_id,
        kind,
        wish.asked_at.astimezone(SWISS_TIME).date(),
        cause_id=derived_id(kind, wish.invoice_id, wish.order_id, wish.asked_at.isoformat()),
        order_id=wish.order_id,
        code=code,
    )
