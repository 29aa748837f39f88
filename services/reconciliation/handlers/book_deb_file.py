"""Books the staged rows of a DEB file in bounded transactions, then closes the file.

What becomes of a row is written in the transaction that books it, so that a crash between two
batches loses nothing and repeats nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from services.reconciliation.domain.booking import BatchBook, Decision
from services.reconciliation.domain.deb.records import DebRow
from services.reconciliation.domain.events import DebFileBooked
from services.reconciliation.domain.handing import ClaimedFile
from services.reconciliation.domain.judging import FileInHand
from services.reconciliation.handlers.booking_rows import RowsOf, write_decisions
from services.reconciliation.handlers.deb_lease import DebLease
from services.reconciliation.handlers.discard_held_file import supersede_held_files
from services.reconciliation.ports import UnitOfWork
from shared.kernel.clock import Clock


@dataclass(frozen=True, slots=True)
class BookDebFile:
    """Book the staged file in hand."""

    lease: DebLease


async def book_deb_file(command: BookDebFile) -> None:
    """Book every row that is still undecided, batch by batch, then close the file.

    Where rows of an earlier file have come back in the meantime, those go first: this file is given
    back, and goes on after them.

    Raises:
        LeaseLostError: another worker took the file over.
        StopAskedError: the process is to end; what is booked stays booked.
        TransientError: the database did not answer; what is booked stays booked.
    """
    lease = command.lease
    file, clock = lease.file, lease.clock
    while True:
        lease.check_goes_on()
        async with lease.unit(with_books=True) as uow:
            if not await uow.deb_files.is_next(file):
                await uow.deb_files.give_back(file)
                return
            rows = await uow.deb_files.next_rows(file, limit=lease.policy.batch_rows)
            if not rows:
                await _finish(file, uow, clock)
                return
            await _book_batch(file, rows, uow, clock)


async def _book_batch(
    file: ClaimedFile, rows: Sequence[DebRow], uow: UnitOfWork, clock: Clock
) -> None:
    decisions = await decide_batch(file, rows, uow)
    place = RowsOf(file.practice_id, file.deb_file_id, file.contract_id)
    await write_decisions(place, decisions, uow, clock)


async def decide_batch(
    file: ClaimedFile, rows: Sequence[DebRow], uow: UnitOfWork
) -> list[Decision]:
    """Decide the next rows of a staged file, each in the knowledge of those before it."""
    book = await _batch_book(file, rows, uow)
    return [book.decide(row) for row in rows]


async def _batch_book(file: ClaimedFile, rows: Sequence[DebRow], uow: UnitOfWork) -> BatchBook:
    contract = await uow.practices.contract(file.contract_id)
    assert contract is not None  # noqa: S101 - a file is registered only under a known contract
    assert file.created_on is not None  # noqa: S101 - a staged file has a header
    reversed_ids = {row.reverses for row in rows if row.reverses is not None}
    return BatchBook(
        file=FileInHand(file.deb_file_id, file.practice_id, contract, file.created_on),
        chart=await uow.practices.chart(file.practice_id),
        known=await uow.deb_files.known(file.practice_id, rows),
        booked=dict(await uow.deb_files.booked_rows(file.practice_id, file.contract_id, rows)),
        originals=dict(await uow.deb_files.originals(file.contract_id, reversed_ids)),
        undone=await uow.deb_files.times_undone(file.contract_id, rows),
    )


async def _finish(file: ClaimedFile, uow: UnitOfWork, clock: Clock) -> None:
    counts = await uow.deb_files.finish(file, at=clock.now())
    await supersede_held_files(file, uow, clock)
    uow.record(
        DebFileBooked(
            practice_id=file.practice_id,
            deb_file_id=file.deb_file_id,
            contract_id=file.contract_id,
            rows_read=counts.rows_read,
            booked=counts.booked,
            repeats=counts.repeats,
            parked=counts.parked,
            booked_at=clock.now(),
        )
    )
