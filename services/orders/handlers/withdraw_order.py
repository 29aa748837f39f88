"""A person wants a prepared order back: ask the gateway, which alone knows whether it has left.

Nothing is free and the gate stays closed until the answer is there (docs/decisions/0009).
"""

from __future__ import annotations

from dataclasses import dataclass

from services.orders.domain.errors import OrderNotFoundError
from services.orders.domain.events import OrderWithdrawalRequested
from services.orders.domain.order import Order
from services.orders.handlers.outcome import Outcome
from services.orders.ports import UnitOfWork
from shared.kernel.clock import Clock
from shared.kernel.errors import ConflictError
from shared.kernel.ids import OrderId, PracticeId


@dataclass(frozen=True, slots=True)
class WithdrawOrder:
    """Ask for an order back.

    Attributes:
        by: who asks.
        handed_over_by_hand: whether somebody took the package to the factor by another way, of
            which the gateway knows nothing.
    """

    order_id: OrderId
    practice_id: PracticeId
    by: str
    handed_over_by_hand: bool


async def withdraw_order(command: WithdrawOrder, uow: UnitOfWork, clock: Clock) -> Outcome:
    """Note the wish and tell the gateway; asked again, or withdrawn already, it is already done.

    Raises:
        OrderNotFoundError: the practice has no such order.
        OrderMayHaveLeftError: something of it may be, or has been, at the portal.
        ConflictError: it was handed over by hand.
    """
    order = await uow.orders.get_for_update(command.practice_id, command.order_id)
    if order is None:
        raise OrderNotFoundError(command.order_id)
    if command.handed_over_by_hand:
        raise _handed_over(order)
    now = clock.now()
    step = order.ask_withdrawal(at=now, by=command.by)
    if step.already_done:
        return Outcome.ALREADY_DONE
    await uow.orders.save(step)
    uow.record(
        OrderWithdrawalRequested(
            order_id=order.order_id,
            practice_id=order.practice_id,
            contract_id=order.contract_id,
            requested_at=now,
        )
    )
    return Outcome.DONE


def _handed_over(order: Order) -> ConflictError:
    return ConflictError(
        f"Order {order.number} was handed over by hand, so it cannot be withdrawn. Confirm its"
        " arrival once you have seen it at the factor.",
        code="order-handed-over",
        field="handed_over_by_hand",
    )
