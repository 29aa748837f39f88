"""A person closes an acquitted order: nothing more is expected of it."""

from __future__ import annotations

from dataclasses import dataclass

from services.orders.domain.errors import OrderNotFoundError
from services.orders.domain.events import OrderClosed
from services.orders.handlers.outcome import Outcome
from services.orders.ports import UnitOfWork
from shared.kernel.clock import Clock
from shared.kernel.ids import OrderId, PracticeId


@dataclass(frozen=True, slots=True)
class CloseOrder:
    """Close an order; `by` is who does."""

    order_id: OrderId
    practice_id: PracticeId
    by: str


async def close_order(command: CloseOrder, uow: UnitOfWork, clock: Clock) -> Outcome:
    """Close the order and tell the others; closed before, it is already done.

    Raises:
        OrderNotFoundError: the practice has no such order.
        OrderNotAcquittedError: its accepted invoices are not acquitted.
    """
    order = await uow.orders.get_for_update(command.practice_id, command.order_id)
    if order is None:
        raise OrderNotFoundError(command.order_id)
    now = clock.now()
    step = order.closed(at=now, by=command.by)
    if step.already_done:
        return Outcome.ALREADY_DONE
    await uow.orders.save(step)
    uow.record(
        OrderClosed(
            order_id=order.order_id,
            practice_id=order.practice_id,
            contract_id=order.contract_id,
            number=order.number,
            closed_at=now,
        )
    )
    return Outcome.DONE
