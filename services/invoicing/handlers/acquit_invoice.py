"""Takes over an acquittal from the books: the balance gets its asterisk, the factor owes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from services.invoicing.domain.invoice import HistoryEntry, Outcome
from services.invoicing.handlers.expected import expected_standings
from services.invoicing.ports import UnitOfWork
from shared.kernel.errors import TooEarlyError
from shared.kernel.money import Money


@dataclass(frozen=True, slots=True)
class AcquitInvoice:
    """The books acquitted this invoice with this order.

    Attributes:
        sequence: number of the statement among the books' statements about this invoice.
    """

    practice_id: UUID
    invoice_id: UUID
    order_id: UUID
    amount: Money
    acquitted_on: date
    sequence: int
    event_id: UUID


async def acquit_invoice(command: AcquitInvoice, uow: UnitOfWork) -> Outcome:
    """Make the invoice "acquitted".

    Orders and books speak on different topics, so this may come before the order: then it waits
    for the order, whose "order-prepared" must come, since nothing is acquitted without one.

    Raises:
        TooEarlyError: the invoice, or its being in the order, is not known yet.
        IllegalTransitionError: the order refused it, or it was acquitted with another order.
    """
    standings = await expected_standings(uow, [command.invoice_id])
    standing = standings[command.invoice_id]
    placements = await uow.orders.placements([command.invoice_id])
    for placement in placements[command.invoice_id]:
        if placement.order_id == command.order_id:
            break
    else:
        raise TooEarlyError(
            f"invoice {standing.invoice_number} is not in order {command.order_id} yet",
            waits_for=str(command.order_id),
        )
    moved, outcome = standing.acquitted(placement, amount=command.amount, sequence=command.sequence)
    if outcome is Outcome.ALREADY_DONE:
        return outcome
    await uow.invoices.save_standings([moved])
    entry = HistoryEntry(
        command.invoice_id,
        "acquitted",
        command.acquitted_on,
        cause_id=command.event_id,
        amount=command.amount,
        order_id=command.order_id,
    )
    await uow.invoices.add_history(command.practice_id, [entry])
    return outcome
