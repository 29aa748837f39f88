"""Notes that an order was taken back before it left: its invoices are free again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.invoicing.domain.invoice import HistoryEntry, Outcome
from services.invoicing.domain.order import Placement
from services.invoicing.handlers.expected import expect_order, expected_standings
from services.invoicing.ports import UnitOfWork
from shared.kernel.clock import SWISS_TIME


@dataclass(frozen=True, slots=True)
class WithdrawOrder:
    """This order was withdrawn."""

    practice_id: UUID
    order_id: UUID
    withdrawn_at: datetime
    event_id: UUID


async def withdraw_order(command: WithdrawOrder, uow: UnitOfWork) -> Outcome:
    """Send the order's invoices back to "issued"; repeated, it changes nothing.

    Raises:
        TooEarlyError: the order is not known yet.
        LineDecidedOtherwiseError: the factor had decided on one of its invoices.
    """
    await expect_order(uow, command.order_id)
    invoice_ids = await uow.orders.invoices_of(command.order_id)
    standings = await expected_standings(uow, invoice_ids)
    placements = await uow.orders.placements(invoice_ids)
    changed: list[Placement] = []
    for invoice_id, places in placements.items():
        for place, before in enumerate(places):
            if before.order_id == command.order_id and before.withdrawn() != before:
                places[place] = before.withdrawn()
                changed.append(places[place])
        standings[invoice_id] = standings[invoice_id].placed(places)
    if not changed:
        return Outcome.ALREADY_DONE
    await uow.orders.save_placements(changed)
    await uow.invoices.save_standings([standings[one.invoice_id] for one in changed])
    day = command.withdrawn_at.astimezone(SWISS_TIME).date()
    entries = [
        HistoryEntry(
            one.invoice_id,
            "withdrawn",
            day,
            cause_id=command.event_id,
            order_id=command.order_id,
        )
        for one in changed
    ]
    await uow.invoices.add_history(command.practice_id, entries)
    return Outcome.DONE
