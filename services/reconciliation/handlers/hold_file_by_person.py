"""Holds a DEB file of which nothing is booked, because a person says so."""

from __future__ import annotations

from services.reconciliation.domain.deb.records import FileFault
from services.reconciliation.domain.events import DebFileHeld
from services.reconciliation.domain.filing import HOLD
from services.reconciliation.domain.releasing import HELD_BY_PERSON
from services.reconciliation.handlers.deciding import AboutFile, keep, living_file, refused
from services.reconciliation.ports import UnitOfWork
from shared.kernel.clock import Clock


async def hold_file_by_person(about: AboutFile, uow: UnitOfWork, clock: Clock) -> bool:
    """Hold the file; return False if a person holds it already.

    Raises:
        NotFoundError: the practice has no such file.
        ConflictError: it is held for another reason, or rows of it are judged already.
    """
    file = await living_file(about, uow)
    if file.status == "held" and file.reason_code == HELD_BY_PERSON:
        return False
    if file.status not in ("fetched", "staged") or file.is_judged:
        raise refused(file, "deb-file-not-holdable", "only a file that is not booked can be held")
    await keep(about, HOLD, uow, clock)
    await uow.deb_life.hold(
        file.deb_file_id, FileFault(HELD_BY_PERSON, None, f"held by {about.by}: {about.reason}")
    )
    uow.record(
        DebFileHeld(
            practice_id=file.practice_id,
            deb_file_id=file.deb_file_id,
            contract_id=file.contract_id,
            reason_code=HELD_BY_PERSON,
            line=None,
            held_at=clock.now(),
        )
    )
    return True
