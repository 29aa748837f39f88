"""Notes what became of each invoice when its order arrived: accepted, or refused and free again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.invoicing.domain.invoice import Outcome, StoredDocument
from services.invoicing.handlers.decide_lines import Decision, decide_lines
from services.invoicing.handlers.expected import expect_order
from services.invoicing.ports import UnitOfWork
from services.invoicing.ports.documents import OrderDocuments

NO_REASON = "refused-without-reason"


@dataclass(frozen=True, slots=True)
class ConfirmOrder:
    """The order arrived; the confirmation says what became of each line."""

    practice_id: UUID
    order_id: UUID
    confirmation: StoredDocument
    confirmed_at: datetime
    event_id: UUID


async def confirm_order(
    command: ConfirmOrder, uow: UnitOfWork, *, documents: OrderDocuments
) -> Outcome:
    """Write the arrival into each invoice's history; refused ones go back to "issued".

    Raises:
        TooEarlyError: the order or an invoice is not known yet.
        DomainError: a line is not in the order, was decided otherwise, or is acquitted.
        TransientError, ContractError: the confirmation could not be had, or does not fit.
    """
    await expect_order(uow, command.order_id)
    lines = await documents.confirmation(
        command.practice_id, command.order_id, command.confirmation
    )
    decision = Decision(
        practice_id=command.practice_id,
        order_id=command.order_id,
        refusals={
            line.invoice_id: None if line.accepted else line.refusal_code or NO_REASON
            for line in lines
        },
        decided_at=command.confirmed_at,
        event_id=command.event_id,
    )
    return await decide_lines(decision, uow)
