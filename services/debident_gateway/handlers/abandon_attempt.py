"""Turns an attempt whose worker did not come back into a doubt, so that the portal is asked."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from services.debident_gateway.domain.schedule import DispatchPolicy
from services.debident_gateway.domain.transmission import Move, TransmissionState
from services.debident_gateway.handlers.send_order import note_doubt
from services.debident_gateway.ports import UnitOfWork
from shared.kernel.clock import Clock

REASON = "sender-did-not-return"


@dataclass(frozen=True, slots=True)
class AbandonAttempt:
    """The lease of this order's attempt may have run out."""

    order_id: UUID


async def abandon_attempt(
    command: AbandonAttempt, uow: UnitOfWork, *, clock: Clock, policy: DispatchPolicy
) -> Move:
    """Note the doubt if the lease has run out; it is never sent again without asking first."""
    now = clock.now()
    transmission = await uow.transmissions.lock_if_free(command.order_id)
    if (
        transmission is None
        or transmission.state is not TransmissionState.SENDING
        or transmission.lease_until is None
        or transmission.lease_until > now
    ):
        return Move.ALREADY_MADE
    note_doubt(transmission, REASON, uow, now=now, policy=policy)
    await uow.transmissions.finish_attempt(
        transmission,
        number=transmission.attempts,
        outcome="unknown",
        reason_code=REASON,
        ended_at=now,
    )
    await uow.transmissions.save(transmission)
    return Move.MADE
