"""Stops sending and asking once a person has confirmed an order's arrival."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.debident_gateway.domain.transmission import Move, Transmission
from services.debident_gateway.handlers.taken import begin_to_look_for_deb_files
from services.debident_gateway.ports import UnitOfWork
from shared.kernel.clock import Clock
from shared.kernel.errors import TooEarlyError


@dataclass(frozen=True, slots=True)
class SettleByPerson:
    """A person saw the order at the factor."""

    order_id: UUID
    confirmed_at: datetime


async def settle_by_person(command: SettleByPerson, uow: UnitOfWork, clock: Clock) -> Move:
    """Mark the transmission as arrived; otherwise it would hold back the contract's next order.

    Raises:
        TooEarlyError: the order is not known here yet.
        IllegalTransmissionMoveError: the portal had refused the order, or it was withdrawn.
    """
    transmission = await uow.transmissions.lock(command.order_id)
    if transmission is None:
        raise TooEarlyError("this order is not known yet", waits_for=str(command.order_id))
    move = transmission.note_confirmed_by_person(at=command.confirmed_at)
    if move is Move.MADE:
        await _keep(transmission, uow, clock)
    return move


async def _keep(transmission: Transmission, uow: UnitOfWork, clock: Clock) -> None:
    await uow.transmissions.save(transmission)
    await begin_to_look_for_deb_files(transmission, uow, now=clock.now())
