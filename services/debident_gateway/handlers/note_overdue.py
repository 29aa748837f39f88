"""An order has not arrived by its deadline: from now on the portal is asked less often."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from services.debident_gateway.domain.transmission import Move
from services.debident_gateway.ports import UnitOfWork
from shared.kernel.errors import TooEarlyError


@dataclass(frozen=True, slots=True)
class NoteOverdue:
    """This sending of the order is overdue."""

    order_id: UUID
    attempt: int


async def note_overdue(command: NoteOverdue, uow: UnitOfWork) -> Move:
    """Slow the asking down; a word about an earlier sending, or after the arrival, is too late.

    Raises:
        TooEarlyError: the order is not known here yet.
    """
    transmission = await uow.transmissions.lock(command.order_id)
    if transmission is None:
        raise TooEarlyError("this order is not known yet", waits_for=str(command.order_id))
    move = transmission.note_overdue(attempt=command.attempt)
    if move is Move.MADE:
        await uow.transmissions.save(transmission)
    return move
