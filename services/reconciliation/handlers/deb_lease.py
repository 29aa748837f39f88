"""A worker's hold on a DEB file: each of its transactions proves and prolongs the lease first."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from services.reconciliation.ports import ClaimedFile, UnitOfWork, UnitOpener
from shared.kernel.clock import Clock
from shared.kernel.errors import TransientError


@dataclass(frozen=True, slots=True)
class BookingPolicy:
    """How DEB files are worked.

    Attributes:
        batch_rows: rows per booking transaction.
        lease: how long a silent worker keeps its file.
        attempts_max: how often a file may be claimed without progress before it is set aside.
        early_grace: how long a file waits for acquittals that are still under way.
        accept_test_files: whether files with the test flag are booked.
    """

    batch_rows: int = 500
    lease: timedelta = timedelta(seconds=120)
    attempts_max: int = 10
    early_grace: timedelta = timedelta(seconds=60)
    accept_test_files: bool = False


class LeaseLostError(TransientError):
    """Another worker took the file over; this one must let go of it."""


@asynccontextmanager
async def leased(
    file: ClaimedFile, open_unit: UnitOpener, policy: BookingPolicy, clock: Clock
) -> AsyncIterator[UnitOfWork]:
    """Open a unit of work in which this worker alone may touch the file.

    Raises:
        LeaseLostError: the claim is no longer valid; nothing was written.
    """
    async with open_unit(file.practice_id) as uow:
        if not await uow.deb_files.renew_lease(file, until=clock.now() + policy.lease):
            raise LeaseLostError(f"DEB file {file.deb_file_id} is worked by another process")
        yield uow
