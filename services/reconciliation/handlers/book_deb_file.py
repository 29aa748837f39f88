"""Books the staged rows of a DEB file in bounded transactions, then closes the file.

What becomes of a row is written in the transaction that books it, so that a crash between two
batches loses nothing and repeats nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from services.reconciliation.domain.booking import (
    BatchBook,
    Booked,
    Decision,
    FileInHand,
    Parked,
)
from services.reconciliation.domain.deb.records import DebRow
from services.reconciliation.domain.events import (
    Change,
    DebFileBooked,
    DebRowParked,
    InvoicePositionChanged,
)
from services.reconciliation.domain.model import Position
from services.reconciliation.handlers.deb_lease import DebLease
from services.reconciliation.ports import ClaimedFile, UnitOfWork
from shared.kernel.clock import Clock

CHANGES_PER_EVENT = 50


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
    book = await _batch_book(file, rows, uow)
    decisions = [book.decide(row) for row in rows]
    booked = [decision for decision in decisions if isinstance(decision, Booked)]
    latest = {decision.position.invoice_id: decision.position for decision in booked}
    await uow.books.book(
        file.practice_id,
        entries=[decision.entry for decision in booked if decision.entry is not None],
        facts=[decision.fact for decision in booked],
        positions=list(latest.values()),
    )
    await uow.deb_files.decide(file, decisions)
    for position in latest.values():
        for event in _position_events(file, position, booked, clock):
            uow.record(event)
    _record_parked(file, decisions, uow, clock)


async def _batch_book(file: ClaimedFile, rows: Sequence[DebRow], uow: UnitOfWork) -> BatchBook:
    contract = await uow.practices.contract(file.contract_id)
    assert contract is not None  # noqa: S101 - a file is registered only under a known contract
    assert file.created_on is not None  # noqa: S101 - a staged file has a header
    record_ids = {row.record_id for row in rows if row.record_id is not None}
    return BatchBook(
        file=FileInHand(file.deb_file_id, file.practice_id, contract, file.created_on),
        chart=await uow.practices.chart(file.practice_id),
        known=await uow.deb_files.known(rows),
        booked=dict(await uow.deb_files.booked_rows(file.contract_id, record_ids)),
    )


def _position_events(
    file: ClaimedFile, position: Position, booked: Sequence[Booked], clock: Clock
) -> Iterator[InvoicePositionChanged]:
    changes = [
        Change(decision.fact.kind, decision.fact.amount, decision.fact.fact_date)
        for decision in booked
        if decision.fact.invoice_id == position.invoice_id
    ]
    acquittal = position.acquittal
    for start in range(0, len(changes), CHANGES_PER_EVENT):
        yield InvoicePositionChanged(
            practice_id=file.practice_id,
            invoice_id=position.invoice_id,
            contract_id=acquittal.contract_id if acquittal else position.contract_id,
            debt=position.debt,
            factor_owes=position.factor_owes,
            with_factor=position.with_factor,
            deb_file_id=file.deb_file_id,
            changes=tuple(changes[start : start + CHANGES_PER_EVENT]),
            changed_at=clock.now(),
        )


def _record_parked(
    file: ClaimedFile, decisions: Sequence[Decision], uow: UnitOfWork, clock: Clock
) -> None:
    for decision in decisions:
        if isinstance(decision, Parked):
            uow.record(
                DebRowParked(
                    practice_id=file.practice_id,
                    deb_file_id=file.deb_file_id,
                    contract_id=file.contract_id,
                    line=decision.row.line,
                    kind=decision.row.kind,
                    reason_code=decision.reason,
                    amount=decision.row.amount,
                    parked_at=clock.now(),
                )
            )


async def _finish(file: ClaimedFile, uow: UnitOfWork, clock: Clock) -> None:
    counts = await uow.deb_files.finish(file, at=clock.now())
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
