"""Lets a held DEB file go: it is read and judged again, as far as its reason permits."""

from __future__ import annotations

from services.reconciliation.domain.events import DebFileReleased
from services.reconciliation.domain.filing import RELEASE
from services.reconciliation.domain.releasing import HELD_BY_PERSON, Release, hold_reason
from services.reconciliation.handlers.deciding import AboutFile, keep, living_file, refused
from services.reconciliation.ports import UnitOfWork
from shared.kernel.clock import Clock
from shared.kernel.errors import ConflictError


async def release_held_file(about: AboutFile, uow: UnitOfWork, clock: Clock) -> bool:
    """Have the file judged again; return False if it was released before, and is not held.

    Raises:
        NotFoundError: the practice has no such file.
        ConflictError: it is not held, or for a reason that no person can lift.
    """
    file = await living_file(about, uow)
    if file.status != "held" or file.reason_code is None:
        if file.last_decision == RELEASE and file.status != "discarded":
            return False
        raise refused(file, "deb-file-not-held", "there is nothing to release")
    reason = hold_reason(file.reason_code)
    if reason.release is Release.NEVER:
        raise ConflictError(
            reason.explanation, code="deb-file-not-releasable", reason_code=file.reason_code
        )
    await keep(about, RELEASE, uow, clock)
    accepted = reason.release is Release.ACCEPT and file.reason_code != HELD_BY_PERSON
    await uow.deb_life.release(file.deb_file_id, accept_sequence=accepted)
    uow.record(
        DebFileReleased(
            practice_id=file.practice_id,
            deb_file_id=file.deb_file_id,
            contract_id=file.contract_id,
            reason_code=file.reason_code,
            released_at=clock.now(),
        )
    )
    return True
