"""Confirms an order line by line, whoever saw the arrival: the portal's answer, or a person."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from services.orders.domain.errors import ArrivalMismatchError
from services.orders.domain.events import OrderConfirmed
from services.orders.domain.model import ArrivalEvidence, ConfirmedLine
from services.orders.domain.order import Confirmation, Order
from services.orders.handlers.outcome import Outcome
from services.orders.handlers.release_credit_notes import release_credit_notes
from services.orders.ports import UnitOfWork
from services.orders.ports.archive import DocumentArchive
from shared.kernel.clock import Clock
from shared.kernel.money import Money


async def confirm_lines(
    order: Order,
    confirmed: Sequence[ConfirmedLine],
    uow: UnitOfWork,
    archive: DocumentArchive,
    clock: Clock,
    *,
    evidence: ArrivalEvidence,
    arrived_at: datetime,
) -> Outcome:
    """Store what became of each line and record the confirmation that permits the acquittal.

    The same lines again are already done, however they were observed.

    Raises:
        ArrivalMismatchError: they contradict those that were confirmed before.
        IllegalMoveError: the order was refused or withdrawn.
        TransientError: the confirmation could not be stored.
    """
    arrived = order.arrived(at=arrived_at, evidence=evidence)
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
        evidence=evidence,
    )
    now = clock.now()
    step = arrived.then(arrived.order.confirmed(at=now, confirmation=confirmation))
    await uow.orders.save(step)
    await uow.orders.settle_lines(order.order_id, confirmed)
    await release_credit_notes(order.practice_id, uow, on=clock.today(), order_id=order.order_id)
    uow.record(_event(order, confirmation, confirmed_at=now))
    return Outcome.DONE


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
