"""Finds what an event is about; an event that came before it waits until it arrives."""

from __future__ import annotations

from services.orders.domain.order import Order
from services.orders.ports import UnitOfWork
from shared.kernel.errors import PermanentError, TooEarlyError
from shared.kernel.ids import ContractId, OrderId, PracticeId


async def needed_order(
    uow: UnitOfWork, *, practice_id: PracticeId, order_id: OrderId, contract_id: ContractId
) -> Order:
    """Return the order that an event is about, held against concurrent moves.

    Raises:
        TooEarlyError: it is not known (yet).
        PermanentError: the event names another contract than the order's.
    """
    order = await uow.orders.get_for_update(practice_id, order_id)
    if order is None:
        raise TooEarlyError(f"order {order_id} is not known", waits_for=str(order_id))
    if order.contract_id != contract_id:
        raise PermanentError(
            f"order {order.number} belongs to another contract than the event says"
        )
    return order


async def need_practice(uow: UnitOfWork, practice_id: PracticeId) -> None:
    """Make sure that the practice is known.

    Raises:
        TooEarlyError: it is not.
    """
    if await uow.practices.get(practice_id) is None:
        raise TooEarlyError(f"practice {practice_id} is not known", waits_for=str(practice_id))
