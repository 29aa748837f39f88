"""What follows, in the same transaction, from knowing where an order's bytes are."""

from __future__ import annotations

from datetime import datetime

from services.debident_gateway.domain.events import OrderWasRefused, OrderWasSent, OrderWasWithheld
from services.debident_gateway.domain.model import ContractTerms, DebCursor
from services.debident_gateway.domain.transmission import Move, Transmission
from services.debident_gateway.ports import UnitOfWork


async def note_taken(
    transmission: Transmission,
    reference: str,
    uow: UnitOfWork,
    *,
    terms: ContractTerms,
    now: datetime,
    check_at: datetime | None = None,
) -> Move:
    """Move to sent, tell the others, and begin to look for the contract's DEB files.

    `check_at` is when the arrival is asked for first; without it, the contract's arrival clock
    decides.
    """
    move = transmission.note_taken(
        reference, at=now, next_check_at=check_at or now + terms.arrival_check_after
    )
    if move is Move.MADE:
        uow.record(
            OrderWasSent(
                practice_id=transmission.practice_id,
                order_id=transmission.order_id,
                contract_id=transmission.contract_id,
                attempt=max(transmission.attempts, 1),
                portal_reference=reference,
                package_sha256=transmission.package.sha256,
                sent_at=now,
            )
        )
        await begin_to_look_for_deb_files(transmission, uow, now=now)
    return move


async def begin_to_look_for_deb_files(
    transmission: Transmission, uow: UnitOfWork, *, now: datetime
) -> None:
    """From its first order at the portal on, a contract's DEB files are fetched."""
    await uow.deb_files.ensure_cursor(
        DebCursor(
            practice_id=transmission.practice_id,
            contract_id=transmission.contract_id,
            position=0,
            next_poll_at=now,
        )
    )


def note_refused(transmission: Transmission, code: str, uow: UnitOfWork, *, now: datetime) -> Move:
    """Move to refused and tell the others."""
    move = transmission.note_refusal(code, at=now)
    if move is Move.MADE:
        uow.record(
            OrderWasRefused(
                practice_id=transmission.practice_id,
                order_id=transmission.order_id,
                contract_id=transmission.contract_id,
                reason_code=code,
                refused_at=now,
            )
        )
    return move


def withhold_if_asked(transmission: Transmission, uow: UnitOfWork, *, now: datetime) -> Move:
    """Give the order up and tell the others, if it is wanted back and nothing can have left."""
    move = transmission.withhold(at=now)
    if move is Move.MADE:
        uow.record(
            OrderWasWithheld(
                practice_id=transmission.practice_id,
                order_id=transmission.order_id,
                contract_id=transmission.contract_id,
                withheld_at=now,
            )
        )
    return move
