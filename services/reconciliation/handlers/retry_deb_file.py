"""Has a DEB file that was set aside tried again at once, because a person says so."""

from __future__ import annotations

from services.reconciliation.domain.filing import RETRY
from services.reconciliation.handlers.deciding import AboutFile, keep, living_file, refused
from services.reconciliation.ports import UnitOfWork
from shared.kernel.clock import Clock


async def retry_deb_file(about: AboutFile, uow: UnitOfWork, clock: Clock) -> bool:
    """Let a worker take the file up now; return False if a person did so, and it went on.

    It stays set aside until it is booked or undone to its end.

    Raises:
        NotFoundError: the practice has no such file.
        ConflictError: it is not set aside.
    """
    file = await living_file(about, uow)
    if not file.is_set_aside:
        if file.last_decision == RETRY:
            return False
        raise refused(file, "deb-file-not-set-aside", "it is not set aside")
    await keep(about, RETRY, uow, clock)
    await uow.deb_life.retry(file.deb_file_id)
    return True
