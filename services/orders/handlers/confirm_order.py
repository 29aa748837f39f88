"""The portal shows the order: confirm it line by line, and let the refused lines go (B4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from services.orders.domain.arrival import match_arrival
from services.orders.domain.errors import ArrivalMismatchError
from services.orders.domain.events import OrderConfirmed
from services.orders.domain.model import ArrivalEvidence, ConfirmedLine, StoredContent
from services.orders.domain.order import Confirmation, Order
from services.orders.handlers.needs import needed_order
from services.orders.handlers.outcome import Outcome
from services.orders.ports import DocumentArchive, UnitOfWork
from shared.kernel.clock import Clock
from shared.kernel.ids import ContractId, OrderId, PracticeId
from shared.kernel.money import Money


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
    confirmed = await _matched(command, order, uow, archive)
    arrived = order.arrived(at=command.arrived_at, evidence=command.evidence)
    if arrived.already_done:
        await _refuse_contradiction(order, confirmed, uow)
        return Outcome.ALREADY_DONE
    content = await archive.store_confirmation(order.practice_id, order.order_id, confirmed)
    accepted = [line.amount for line in confirmed if line.accepted]
    confirmation = Confirmation(
        accepted_count=len(accepted),
        accepted_total=Money.total(accepted),
        refused_count=len(confirmed) - len(accepted),
        content=content,
        evidence=command.evidence,
    )
    now = clock.now()
    step = arrived.then(arrived.order.confirmed(at=now, confirmation=confirmation))
    await uow.orders.save(step)
    await uow.orders.settle_lines(order.order_id, confirmed)
    uow.record(_event(order, confirmation, confirmed_at=now))
    return Outcome.DONE


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


async def _refuse_contradiction(
    order: Order, confirmed: Sequence[ConfirmedLine], uow: UnitOfWork
) -> None:
    if await uow.orders.confirmed_lines(order.order_id) != list(confirmed):
        raise ArrivalMismatchError(
            order.number, "it says something else than the answer that was confirmed before"
        )


def _event(order: Order, confirmation: Confirmation, *, confirmed_at: datetime) -> OrderConfirmed:
    return OrderConfirmed(
        order_id=order.order_id,
        practice_id=order.practice_id,
        contract_id=order.contract_id,
        number=order.number,
        accepted_count=confirmation.accepted_count,
        accepted_total=confirmation.accepted_total,
        refused_count=confirmation.refused_count,
        confirmation=confirmation.content,
        evidence=confirmation.evidence,
        confirmed_at=confirmed_at,
    )
