"""An invoice is to be cancelled: its order is wanted back, if that is still possible."""

from __future__ import annotations

from services.orders.domain.errors import OrderMayHaveLeftError
from services.orders.handlers.outcome import Outcome
from services.orders.handlers.withdraw_order import WithdrawOrder, withdraw_order
from services.orders.ports import UnitOfWork
from shared.kernel.clock import Clock


async def wish_withdrawal(command: WithdrawOrder, uow: UnitOfWork, clock: Clock) -> Outcome:
    """Ask for the order; one that may have left goes on.

    Nobody is told of that: whatever prevents the withdrawal is reported anyway, and whoever wished
    hears of it (docs/decisions/0009).

    Raises:
        OrderNotFoundError: the practice has no such order.
    """
    try:
        return await withdraw_order(command, uow, clock)
    except OrderMayHaveLeftError:
        return Outcome.ALREADY_DONE
