"""The portal shows the order: confirm it line by line, and let the refused lines go (B4)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from services.orders.domain.arrival import match_arrival
from services.orders.domain.model import ArrivalEvidence, ConfirmedLine, StoredContent
from services.orders.domain.order import Order
from services.orders.handlers.confirming import confirm_lines
from services.orders.handlers.needs import needed_order
from services.orders.handlers.outcome import Outcome
from services.orders.ports import UnitOfWork
from services.orders.ports.archive import DocumentArchive
from shared.kernel.clock import Clock
from shared.kernel.ids import ContractId, OrderId, PracticeId


@dataclass(frozen=True, slots=True)
class ConfirmOrder:
    """Confirm an order by the portal's answer.

    Attributes:
        answer: where the answer per invoice rests.
        accepted_count, refused_count: what the answer must add up to.
    """

    order_id: OrderId
    practice_id: PracticeId
    contract_id: ContractId
    evidence: ArrivalEvidence
    accepted_count: int
    refused_count: int
    answer: StoredContent
    arrived_at: datetime


async def confirm_order(
    command: ConfirmOrder, uow: UnitOfWork, archive: DocumentArchive, clock: Clock
) -> Outcome:
    """Store what became of each line, and record the confirmation that permits the acquittal.

    The same answer again is already done, however it was observed.

    Raises:
        TooEarlyError: the order is not known.
        ArrivalMismatchError: the answer is not exactly about the order's lines, or contradicts an
            earlier one; nothing is confirmed.
        IllegalMoveError: the portal refused the order before.
        TransientError: the answer could not be read.
    """
    order = await needed_order(
        uow,
        practice_id=command.practice_id,
        order_id=command.order_id,
        contract_id=command.contract_id,
    )
    return await confirm_lines(
        order,
        await _matched(command, order, uow, archive),
        uow,
        archive,
        clock,
        evidence=command.evidence,
        arrived_at=command.arrived_at,
    )


async def _matched(
    command: ConfirmOrder, order: Order, uow: UnitOfWork, archive: DocumentArchive
) -> tuple[ConfirmedLine, ...]:
    return match_arrival(
        order,
        await uow.orders.lines(order.order_id),
        await archive.arrival(order.practice_id, command.answer),
        accepted_count=command.accepted_count,
        refused_count=command.refused_count,
    )
