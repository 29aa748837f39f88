"""Registers the bytes of an undone DEB file as a new file, because a person wants them booked."""

from __future__ import annotations

from uuid import UUID

from services.reconciliation.domain.filing import BOOK_ANEW
from services.reconciliation.handlers.deciding import AboutFile, keep, living_file, refused
from services.reconciliation.ports import UnitOfWork
from shared.kernel.clock import Clock
from shared.kernel.ids import derived_id


async def book_file_anew(about: AboutFile, uow: UnitOfWork, clock: Clock) -> tuple[UUID, bool]:
    """Return the new file's id, and whether it was registered now.

    It is read and judged like any other file, but for its place in the sequence: that it had.

    Raises:
        NotFoundError: the practice has no such file.
        ConflictError: the file is not undone.
    """
    file = await living_file(about, uow)
    new_id = derived_id("deb-file-anew", file.deb_file_id)
    if file.is_replaced:
        return new_id, False
    if file.status not in ("undone", "partly-undone"):
        raise refused(file, "deb-file-not-undone", "only an undone file can be booked anew")
    await keep(about, BOOK_ANEW, uow, clock)
    await uow.deb_life.book_anew(file.deb_file_id, new_id)
    return new_id, True
