"""A worker's hold on a DEB file: each of its transactions proves and prolongs the lease first."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from services.reconciliation.domain.handing import ClaimedFile
from services.reconciliation.ports import UnitOfWork, UnitOpener
from shared.kernel.clock import Clock
from shared.kernel.errors import QuittanceError, TransientError

IsStopping = Callable[[], bool]


@dataclass(frozen=True, slots=True)
class BookingPolicy:
    """How DEB files are worked.

    Attributes:
        batch_rows: rows per booking transaction.
        lease: how long a silent worker keeps its file.
        attempts_max: how often a file may be claimed without progress before it is set aside.
        early_grace: how long a file waits for invoices and acquittals that are still under way.
        accept_test_files: whether files with the test flag are booked.
        dated_ahead: how long after its fetching a file may be dated.
    """

    batch_rows: int = 1000
    lease: timedelta = timedelta(seconds=120)
    attempts_max: int = 10
    early_grace: timedelta = timedelta(seconds=60)
    accept_test_files: bool = False
    dated_ahead: timedelta = timedelta(0)


class LeaseLostError(TransientError):
    """Another worker took the file over; this one must let go of it."""


class StopAskedError(QuittanceError):
    """The process is to end: what is written stays, the next process goes on from there."""


def never() -> bool:
    """Nobody asks this worker to stop."""
    return False


@dataclass(frozen=True, slots=True)
class DebLease:
    """One worker's hold on one file, and what it needs to work it."""

    file: ClaimedFile
    open_unit: UnitOpener
    policy: BookingPolicy
    clock: Clock
    is_stopping: IsStopping = never

    @asynccontextmanager
    async def unit(self, *, with_books: bool = False) -> AsyncIterator[UnitOfWork]:
        """Open a unit of work in which this worker alone may touch the file.

        Args:
            with_books: take the practice's books too. They come first, as for every other writer
                of both, so that nobody waits for each other.

        Raises:
            LeaseLostError: the claim is no longer valid; nothing was written.
        """
        async with self.open_unit(self.file.practice_id) as uow:
            if with_books:
                await uow.books.lock(self.file.practice_id)
            until = self.clock.now() + self.policy.lease
            if not await uow.deb_files.renew_lease(self.file, until=until):
                raise LeaseLostError(f"DEB file {self.file.deb_file_id} is worked elsewhere")
            yield uow

    def check_goes_on(self) -> None:
        """Pass if there is time for another transaction.

        Raises:
            StopAskedError: the process is to end.
        """
        if self.is_stopping():
            raise StopAskedError("the process is asked to stop")
