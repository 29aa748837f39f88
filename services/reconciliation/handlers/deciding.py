"""What all decisions of a person about a whole DEB file have in common."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from services.reconciliation.domain.filing import FileDecision, LivingFile
from services.reconciliation.ports import UnitOfWork
from shared.kernel.clock import Clock
from shared.kernel.errors import ConflictError, NotFoundError
from shared.kernel.ids import new_id


@dataclass(frozen=True, slots=True)
class AboutFile:
    """Which file a person decides about, why, and who; both are kept."""

    practice_id: UUID
    deb_file_id: UUID
    reason: str
    by: str


async def living_file(about: AboutFile, uow: UnitOfWork) -> LivingFile:
    """Return the file, kept from others for this transaction.

    Raises:
        NotFoundError: the practice has no such file.
    """
    file = await uow.deb_life.find(about.deb_file_id)
    if file is None or file.practice_id != about.practice_id:
        raise NotFoundError("this practice has no such DEB file", code="deb-file-not-found")
    return file


async def keep(about: AboutFile, decision: str, uow: UnitOfWork, clock: Clock) -> UUID:
    """Keep what the person decided; return the decision's id."""
    decision_id = new_id()
    await uow.deb_life.store(
        FileDecision(
            decision_id=decision_id,
            practice_id=about.practice_id,
            deb_file_id=about.deb_file_id,
            decision=decision,
            reason=about.reason,
            decided_by=about.by,
            decided_at=clock.now(),
        )
    )
    return decision_id


def refused(file: LivingFile, code: str, why: str) -> ConflictError:
    """Return the error for a decision that the file's state does not permit."""
    return ConflictError(f"the DEB file is {file.status}: {why}", code=code, state=file.status)
