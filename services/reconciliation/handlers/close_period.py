"""A person who answers for the books closes them up to a day, or takes the last closing back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from services.reconciliation.domain.periods import PeriodAction, PeriodDecision, check_closable
from services.reconciliation.ports import UnitOfWork
from shared.kernel.clock import Clock
from shared.kernel.errors import ConflictError, NotFoundError
from shared.kernel.ids import new_id


@dataclass(frozen=True, slots=True)
class ClosePeriod:
    """Close the practice's books up to and including this day."""

    practice_id: UUID
    until: date
    reason: str
    by: str


@dataclass(frozen=True, slots=True)
class ReopenPeriod:
    """Take back the closing up to this day, which must be the last one in force."""

    practice_id: UUID
    until: date
    reason: str
    by: str


@dataclass(frozen=True, slots=True)
class PeriodOutcome:
    """The closing or reopening that holds; `already`: it did before, and nothing was changed."""

    decision: PeriodDecision
    already: bool


async def close_period(command: ClosePeriod, uow: UnitOfWork, clock: Clock) -> PeriodOutcome:
    """Close the books; the same day again changes nothing and says so.

    What is booked before the closing ends counts to it; who books later waits for it.

    Raises:
        NotFoundError: the practice has no books here.
        DomainError: the day has not come.
        ConflictError: a later day is closed already.
    """
    await _lock(uow, command.practice_id)
    in_force = await uow.periods.in_force(command.practice_id)
    closed_until = in_force[0].until if in_force else None
    if closed_until == command.until:
        return PeriodOutcome(in_force[0], already=True)
    check_closable(command.until, closed_until=closed_until, today=clock.today())
    head, balances = await uow.periods.end_of_day(command.practice_id, command.until)
    decision = PeriodDecision(
        closing_id=new_id(),
        practice_id=command.practice_id,
        place=await _next_place(uow, command.practice_id),
        action=PeriodAction.CLOSE,
        until=command.until,
        closed_until=command.until,
        reason=command.reason,
        decided_by=command.by,
        decided_at=clock.now(),
        head=head,
        balances=balances,
    )
    await uow.periods.store(decision)
    return PeriodOutcome(decision, already=False)


async def reopen_period(command: ReopenPeriod, uow: UnitOfWork, clock: Clock) -> PeriodOutcome:
    """Take back the last closing in force, so that the one before it holds; once.

    Raises:
        NotFoundError: the practice has no books here.
        ConflictError: this day is not the one up to which the books are closed.
    """
    await _lock(uow, command.practice_id)
    latest = await uow.periods.latest(command.practice_id)
    if latest and (latest.action, latest.until) == (PeriodAction.REOPEN, command.until):
        return PeriodOutcome(latest, already=True)
    in_force = await uow.periods.in_force(command.practice_id)
    if not in_force or in_force[0].until != command.until:
        held = f"closed up to {in_force[0].until}" if in_force else "open"
        raise ConflictError(
            f"the books are {held}; only the last closing can be taken back",
            code="period-not-last-closed",
        )
    decision = PeriodDecision(
        closing_id=new_id(),
        practice_id=command.practice_id,
        place=await _next_place(uow, command.practice_id),
        action=PeriodAction.REOPEN,
        until=command.until,
        closed_until=in_force[1].until if len(in_force) > 1 else None,
        reason=command.reason,
        decided_by=command.by,
        decided_at=clock.now(),
        reopens=in_force[0].closing_id,
    )
    await uow.periods.store(decision)
    return PeriodOutcome(decision, already=False)


async def _lock(uow: UnitOfWork, practice_id: UUID) -> None:
    if not await uow.books.lock(practice_id):
        raise NotFoundError("this practice has no books here", code="practice-not-found")


async def _next_place(uow: UnitOfWork, practice_id: UUID) -> int:
    latest = await uow.periods.latest(practice_id)
    return latest.place + 1 if latest else 1
