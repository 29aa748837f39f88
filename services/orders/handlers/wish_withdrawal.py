"""An invoice is to leave its order: the order is wanted back, if that is still possible."""

from __future__ import annotations

from dataclasses import dataclass

from services.orders.domain.errors import OrderMayHaveLeftError
from services.orders.handlers.outcome import Outcome
from services.orders.handlers.withdraw_order import WithdrawOrder, withdraw_order
from services.orders.ports import UnitOfWork
from shared.kernel.clock import Clock
from shared.kernel.ids import InvoiceId, OrderId, PracticeId


@dataclass(frozen=True, slots=True)
class WishWithdrawal:
    """Want this order back for one invoice; the others of it shall be prepared anew.

    Attributes:
        why: FOR_A_CORRECTION or FOR_A_CANCELLED.
    """

    order_id: OrderId
    practice_id: PracticeId
    invoice_id: InvoiceId
    why: str


async def wish_withdrawal(command: WishWithdrawal, uow: UnitOfWork, clock: Clock) -> Outcome:
    """Ask for the order; one that may have left goes on.

    Nobody is told of that: whatever prevents the withdrawal is reported anyway, and whoever wished
    hears of it (docs/decisions/0009).

    Raises:
        OrderNotFoundError: the practice has no such order.
    """
    asked = WithdrawOrder(
        command.order_id, command.practice_id, by=command.why, handed_over_by_hand=False
    )
    try:
        outcome = await withdraw_order(asked, uow, clock)
    except OrderMayHaveLeftError:
        return Outcome.ALREADY_DONE
    await uow.orders.want_line_back(command.order_id, command.invoice_id)
    return outcome
