"""Ends a held DEB file for good: a person says so, or another version of it is booked."""

from __future__ import annotations

from services.reconciliation.domain.events import DebFileDiscarded
from services.reconciliation.domain.filing import DISCARD
from services.reconciliation.domain.handing import ClaimedFile
from services.reconciliation.handlers.deciding import AboutFile, keep, living_file, refused
from services.reconciliation.ports import UnitOfWork
from shared.kernel.clock import Clock


async def discard_held_file(about: AboutFile, uow: UnitOfWork, clock: Clock) -> bool:
    """Discard the file for good; return False if a person did so before.

    Its bytes stay known and stored; brought again, they are the discarded file still.

    Raises:
        NotFoundError: the practice has no such file.
        ConflictError: it is not held.
    """
    file = await living_file(about, uow)
    if file.status == "discarded" and file.last_decision == DISCARD:
        return False
    if file.status != "held" or file.reason_code is None:
        raise refused(file, "deb-file-not-held", "only a held file can be discarded")
    await keep(about, DISCARD, uow, clock)
    await uow.deb_life.discard(file.deb_file_id)
    uow.record(
        DebFileDiscarded(
            practice_id=file.practice_id,
            deb_file_id=file.deb_file_id,
            contract_id=file.contract_id,
            reason_code=file.reason_code,
            superseded_by=None,
            discarded_at=clock.now(),
        )
    )
    return True


async def supersede_held_files(file: ClaimedFile, uow: UnitOfWork, clock: Clock) -> None:
    """Discard the held versions of a file that is booked now."""
    for held in await uow.deb_life.supersede(file):
        uow.record(
            DebFileDiscarded(
                practice_id=file.practice_id,
                deb_file_id=held.deb_file_id,
                contract_id=file.contract_id,
                reason_code=held.reason_code,
                superseded_by=file.deb_file_id,
                discarded_at=clock.now(),
            )
        )
