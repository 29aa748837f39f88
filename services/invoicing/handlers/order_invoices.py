"""Notes that invoices are in an order, so that nobody orders or collects them a second time."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from services.invoicing.domain.invoice import HistoryEntry, Outcome, StoredDocument
from services.invoicing.domain.order import KnownOrder
from services.invoicing.handlers.expected import expected_standings
from services.invoicing.ports import UnitOfWork
from services.invoicing.ports.documents import OrderDocuments
from shared.kernel.clock import SWISS_TIME


@dataclass(frozen=True, slots=True)
class OrderInvoices:
    """Put the invoices of this order's line list into the order."""

    order: KnownOrder
    lines: StoredDocument
    event_id: UUID


async def order_invoices(
    command: OrderInvoices, uow: UnitOfWork, *, documents: OrderDocuments
) -> Outcome:
    """Make the invoices "ordered"; an order that is known changes nothing.

    Raises:
        TooEarlyError: an invoice is not known yet.
        TransientError, ContractError: the line list could not be had, or does not fit.
    """
    order = command.order
    if await uow.orders.is_known(order.order_id):
        return Outcome.ALREADY_DONE
    lines = await documents.lines(order.practice_id, order.order_id, command.lines)
    amounts = {line.invoice_id: line.amount for line in lines}
    standings = await expected_standings(uow, amounts)
    if not await uow.orders.add(order, lines):
        return Outcome.ALREADY_DONE
    placements = await uow.orders.placements(amounts)
    await uow.invoices.save_standings(
        [standing.placed(placements[one]) for one, standing in standings.items()]
    )
    day = order.prepared_at.astimezone(SWISS_TIME).date()
    entries = [
        HistoryEntry(
            invoice_id,
            "ordered",
            day,
            cause_id=command.event_id,
            amount=amount,
            order_id=order.order_id,
        )
        for invoice_id, amount in amounts.items()
    ]
    await uow.invoices.add_history(order.practice_id, entries)
    return Outcome.DONE
