"""Remembers that an order exists and what it holds, and that it ended without confirmation.

So an unconfirmed order can be told from an unknown one, and nobody reminds what is on its way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.reconciliation.domain.dunning import OrderOutcome
from services.reconciliation.domain.model import PreparedOrder
from services.reconciliation.ports import UnitOfWork


@dataclass(frozen=True, slots=True)
class NoteOrder:
    """Remember this order, with the invoices that it holds."""

    order: PreparedOrder
    invoice_ids: Sequence[UUID] = ()


@dataclass(frozen=True, slots=True)
class NoteOrderEnd:
    """Remember that nothing of this order comes any more."""

    practice_id: UUID
    order_id: UUID
    outcome: OrderOutcome
    ended_at: datetime


async def note_order(command: NoteOrder, uow: UnitOfWork) -> bool:
    """Remember the order; return False, and change nothing, if it is known."""
    order = command.order
    if not await uow.confirmations.note_order(order):
        return False
    await uow.dunning.note_lines(order.practice_id, order.order_id, command.invoice_ids)
    return True


async def note_order_end(command: NoteOrderEnd, uow: UnitOfWork) -> bool:
    """Remember the end, whether the order is known yet or not; return False if it is known."""
    return await uow.dunning.note_end(
        command.practice_id, command.order_id, command.outcome, at=command.ended_at
    )
