"""Notes that an order has left: from now on its invoices are corrected by credit notes only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.invoicing.domain.invoice import Outcome
from services.invoicing.handlers.expected import expect_order
from services.invoicing.ports import UnitOfWork


@dataclass(frozen=True, slots=True)
class NoteOrderSent:
    """The portal took this order."""

    order_id: UUID
    sent_at: datetime


async def note_order_sent(command: NoteOrderSent, uow: UnitOfWork) -> Outcome:
    """Note the instant; the first one stays.

    Raises:
        TooEarlyError: the order is not known yet (the sending comes from another service).
    """
    await expect_order(uow, command.order_id)
    first = await uow.orders.mark_sent(command.order_id, at=command.sent_at)
    return Outcome.DONE if first else Outcome.ALREADY_DONE
