"""A person wants an order back: the gateway, which alone sends, decides under the row's lock.

Either nothing can have left, then it never will; or the order goes on, and its own reports say so.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from services.debident_gateway.domain.transmission import Move
from services.debident_gateway.handlers.taken import withhold_if_asked
from services.debident_gateway.ports import UnitOfWork
from shared.kernel.clock import Clock
from shared.kernel.errors import TooEarlyError


@dataclass(frozen=True, slots=True)
class WithholdOrder:
    """Do not send this order if nothing of it can have left."""

    order_id: UUID


async def withhold_order(command: WithholdOrder, uow: UnitOfWork, clock: Clock) -> Move:
    """Withhold the order at once, or keep the wish until the running attempt has ended.

    Whoever begins an attempt needs the same row's lock, so that one of the two comes first. Asked
    again, or where the order goes on, nothing changes.

    Raises:
        TooEarlyError: the order is not known here yet.
    """
    transmission = await uow.transmissions.lock(command.order_id)
    if transmission is None:
        raise TooEarlyError("this order is not known yet", waits_for=str(command.order_id))
    if transmission.ask_withdrawal() is Move.ALREADY_MADE:
        return Move.ALREADY_MADE
    move = withhold_if_asked(transmission, uow, now=clock.now())
    await uow.transmissions.save(transmission)
    return move
