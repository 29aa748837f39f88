"""Notes that the portal refused a whole order: its invoices may be ordered again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.invoicing.domain.invoice import Outcome
from services.invoicing.handlers.decide_lines import Decision, decide_lines
from services.invoicing.handlers.expected import expect_order
from services.invoicing.ports import UnitOfWork


@dataclass(frozen=True, slots=True)
class RefuseOrder:
    """The portal took over nothing of this order."""

    practice_id: UUID
    order_id: UUID
    reason_code: str
    refused_at: datetime
    event_id: UUID


async def refuse_order(command: RefuseOrder, uow: UnitOfWork) -> Outcome:
    """Send the order's invoices back to "issued", with the reason.

    Raises:
        TooEarlyError: the order is not known yet (the refusal comes from another service).
        DomainError: one of its invoices was accepted or acquitted.
    """
    await expect_order(uow, command.order_id)
    invoice_ids = await uow.orders.invoices_of(command.order_id)
    decision = Decision(
        practice_id=command.practice_id,
        order_id=command.order_id,
        refusals=dict.fromkeys(invoice_ids, command.reason_code),
        decided_at=command.refused_at,
        event_id=command.event_id,
    )
    return await decide_lines(decision, uow)
