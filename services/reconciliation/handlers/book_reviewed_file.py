"""Has a staged DEB file booked that waited for a person's review."""

from __future__ import annotations

from services.reconciliation.domain.filing import BOOK
from services.reconciliation.handlers.deciding import AboutFile, keep, living_file, refused
from services.reconciliation.ports import UnitOfWork
from shared.kernel.clock import Clock


async def book_reviewed_file(about: AboutFile, uow: UnitOfWork, clock: Clock) -> bool:
    """Let the worker book the file; return False if a person did so before.

    Raises:
        NotFoundError: the practice has no such file.
        ConflictError: the file does not wait for a review.
    """
    file = await living_file(about, uow)
    if not file.awaits_review:
        if file.status in ("staged", "booked") and file.last_decision == BOOK:
            return False
        raise refused(file, "deb-file-not-in-review", "it does not wait for a review")
    await keep(about, BOOK, uow, clock)
    await uow.deb_life.let_book(file.deb_file_id)
    return True
