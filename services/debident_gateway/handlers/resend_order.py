"""A person wants an order's same bytes to leave now, or again after the portal lost them.

The order id and the bytes are what they were, so a portal that has them answers "already have it".
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from services.debident_gateway.domain.errors import UnknownTransmissionError
from services.debident_gateway.domain.transmission import Move
from services.debident_gateway.ports import UnitOfWork
from shared.kernel.clock import Clock


@dataclass(frozen=True, slots=True)
class ResendOrder:
    """Send this order's bytes at the next tick."""

    order_id: UUID


async def resend_order(command: ResendOrder, uow: UnitOfWork, clock: Clock) -> Move:
    """Make the order due now; in doubt the portal is asked first, as always.

    Raises:
        UnknownTransmissionError: there is no such order in scope.
        IllegalTransmissionMoveError: it is being sent, in doubt, at the portal, or settled.
    """
    transmission = await uow.transmissions.lock(command.order_id)
    if transmission is None:
        raise UnknownTransmissionError
    move = transmission.send_again(at=clock.now())
    await uow.transmissions.save(transmission)
    return move
