"""What every wish about an invoice in an unsent order has in common: the order, and the asking."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from services.invoicing.domain.cancellation_wish import CancellationWish
from services.invoicing.domain.correction import Way, way_to_correct
from services.invoicing.domain.events import WithdrawalWasWished
from services.invoicing.domain.invoice import HistoryEntry, Invoice
from services.invoicing.domain.order import Placement
from services.invoicing.ports import UnitOfWork
from services.invoicing.ports.documents import InvoiceDocuments, InvoiceFiles, InvoiceRenderer
from shared.kernel.clock import SWISS_TIME, Clock
from shared.kernel.ids import derived_id

_BY_HAND = "manual"


@dataclass(frozen=True, slots=True)
class Tools:
    """What putting one invoice in another's place needs."""

    renderer: InvoiceRenderer
    documents: InvoiceDocuments
    files: InvoiceFiles
    clock: Clock


async def holding_order(invoice: Invoice, uow: UnitOfWork) -> UUID | None:
    """Return the unsent order that can be asked for the invoice; its standing is locked then.

    None: no order holds it, or it has left, or packages are handed over by hand.
    """
    invoice_id = invoice.invoice_id
    standing = (await uow.invoices.lock_standings([invoice_id]))[invoice_id]
    placements = (await uow.orders.placements([invoice_id]))[invoice_id]
    if way_to_correct(standing, placements) is not Way.WITHDRAW_FIRST:
        return None
    return None if await _is_handed_over_by_hand(invoice, uow) else live_order(placements)


def live_order(placements: Sequence[Placement]) -> UUID:
    """Return the order that holds an invoice, which one must."""
    return next(placement.order_id for placement in placements if placement.is_live)


async def open_wish(invoice_id: UUID, uow: UnitOfWork) -> CancellationWish | None:
    """Return the wish about the invoice that waits, or None."""
    wish = await uow.wishes.of_invoice(invoice_id)
    return wish if wish is not None and wish.is_pending else None


async def ask(wish: CancellationWish, invoice: Invoice, uow: UnitOfWork) -> None:
    """Keep the wish, and ask for its order."""
    await uow.wishes.save(wish)
    await tell(f"{wish.intent.word}-asked", wish, wish.reason_code, uow)
    uow.record(WithdrawalWasWished(invoice, wish))


async def tell(kind: str, wish: CancellationWish, code: str, uow: UnitOfWork) -> None:
    """Append to the invoice's history what became of a wish."""
    entry = HistoryEntry(
        wish.invoice_id,
        kind,
        wish.asked_at.astimezone(SWISS_TIME).date(),
        cause_id=derived_id(kind, wish.invoice_id, wish.order_id, wish.asked_at.isoformat()),
        order_id=wish.order_id,
        code=code,
    )
    await uow.invoices.add_history(wish.practice_id, [entry])


async def _is_handed_over_by_hand(invoice: Invoice, uow: UnitOfWork) -> bool:
    if invoice.contract_id is None:
        return False
    contract = await uow.practices.contract(invoice.practice_id, invoice.contract_id)
    return contract is not None and contract.portal.adapter == _BY_HAND
