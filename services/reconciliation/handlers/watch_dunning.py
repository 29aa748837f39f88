"""Tells when a practice's dunning brake changes: once per change, whoever looks."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from services.reconciliation.domain.dunning import Among, judge
from services.reconciliation.domain.events import DunningBrakeChanged
from services.reconciliation.ports import UnitOfWork, UnitOpener
from services.reconciliation.ports.dunning import DunningQueue
from shared.kernel.clock import Clock

_PRACTICES_PER_LOOK = 200


@dataclass(frozen=True, slots=True)
class DunningWatch:
    """What watching the brakes needs.

    Attributes:
        deb_days_max: a DEB file that is more days old is late.
    """

    queue: DunningQueue
    open_unit: UnitOpener
    deb_days_max: int
    clock: Clock


async def changed_brakes(watch: DunningWatch) -> list[UUID]:
    """Return the practices whose verdict is not the one that was told last.

    Of a practice of which nothing was told, everybody takes it that the brake is released.

    Raises:
        TransientError: the database did not answer.
    """
    changed: list[UUID] = []
    after: UUID | None = None
    while found := await watch.queue.findings(after=after, limit=_PRACTICES_PER_LOOK):
        today = watch.clock.today()
        changed += [
            one.practice_id
            for one in found
            if judge(one, today=today, deb_days_max=watch.deb_days_max).reasons != one.told
        ]
        after = found[-1].practice_id
    return changed


async def tell_brake(practice_id: UUID, watch: DunningWatch) -> bool:
    """Judge the practice again under its lock, and tell the verdict if it changed."""
    async with watch.open_unit(practice_id) as uow:
        return await _tell(practice_id, uow, watch)


async def _tell(practice_id: UUID, uow: UnitOfWork, watch: DunningWatch) -> bool:
    await uow.books.lock(practice_id)
    (found,) = await uow.dunning.findings(Among([practice_id]))
    verdict = judge(found, today=watch.clock.today(), deb_days_max=watch.deb_days_max)
    if verdict.reasons == found.told:
        return False
    now = watch.clock.now()
    await uow.dunning.keep(verdict, at=now)
    uow.record(DunningBrakeChanged(practice_id, verdict.brakes, now))
    return True
