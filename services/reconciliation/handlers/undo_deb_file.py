"""Undoes a booked DEB file by compensating entries: a person asks for it, the worker does it.

The last booked row goes first. Each batch is one transaction, in which what became of its rows is
written; a crash between two batches loses nothing and repeats nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from services.reconciliation.domain.events import Change, DebFileUndone
from services.reconciliation.domain.filing import UNDO_FILE
from services.reconciliation.domain.handing import ClaimedFile
from services.reconciliation.domain.resuming import UNTIL_OWED_AGAIN
from services.reconciliation.domain.rules import UNDO
from services.reconciliation.domain.undoing import UndoBook, Undone
from services.reconciliation.handlers.deb_lease import DebLease
from services.reconciliation.handlers.deciding import AboutFile, keep, living_file, refused
from services.reconciliation.handlers.telling_positions import position_events
from services.reconciliation.ports import UnitOfWork
from shared.kernel.clock import Clock


async def undo_deb_file(about: AboutFile, uow: UnitOfWork, clock: Clock) -> bool:
    """Hand the file to the worker to be undone; return False if it is, or is being, undone.

    A file that was undone in part may be asked for again: what kept its rows may be gone. Of a file
    that was set aside while it was booked, what is booked is undone, and the rest never booked.

    Raises:
        NotFoundError: the practice has no such file.
        ConflictError: the file is not booked, or its bytes were booked anew.
    """
    file = await living_file(about, uow)
    if file.status in ("undoing", "undone"):
        return False
    if file.status not in ("booked", "partly-undone") and not file.is_set_aside:
        raise refused(file, "deb-file-not-booked", "only a booked file can be undone")
    undo_id = await keep(about, UNDO_FILE, uow, clock)
    await uow.deb_life.begin_undo(file.deb_file_id, undo_id)
    return True


async def undo_booked_rows(lease: DebLease) -> None:
    """Undo every booked row that can be, batch by batch, then close the file.

    Raises:
        LeaseLostError: another worker took the file over.
        StopAskedError: the process is to end; what is undone stays undone.
        TransientError: the database did not answer; what is undone stays undone.
    """
    file = lease.file
    while True:
        lease.check_goes_on()
        async with lease.unit(with_books=True) as uow:
            if await _undo_batch(lease, uow):
                continue
            if await uow.deb_life.withdraw_parked(file, limit=lease.policy.batch_rows):
                continue
            await _finish(file, uow, lease.clock)
            return


async def _undo_batch(lease: DebLease, uow: UnitOfWork) -> bool:
    file = lease.file
    rows = await uow.deb_life.undoable(file, limit=lease.policy.batch_rows)
    if not rows:
        return False
    invoices = {one.original.invoice_id for one in rows if one.original.invoice_id is not None}
    contract = await uow.practices.contract(file.contract_id)
    assert contract is not None  # noqa: S101 - a file is registered only under a known contract
    book = UndoBook(
        practice_id=file.practice_id,
        deb_file_id=file.deb_file_id,
        today=lease.clock.today(),
        why=await uow.deb_life.why_undone(file),
        positions=dict(await uow.books.positions(invoices)),
        order=contract.payment_order,
    )
    outcomes = [book.decide(one) for one in rows]
    undone = [outcome for outcome in outcomes if isinstance(outcome, Undone)]
    await _write(file, undone, uow, lease.clock)
    await uow.deb_life.undo(file, outcomes)
    return True


async def _write(
    file: ClaimedFile, undone: Sequence[Undone], uow: UnitOfWork, clock: Clock
) -> None:
    latest = {one.position.invoice_id: one.position for one in undone if one.position is not None}
    await uow.books.book(
        file.practice_id,
        entries=[one.entry for one in undone if one.entry is not None],
        facts=[one.fact for one in undone],
        positions=list(latest.values()),
    )
    turned = {one.fact.invoice_id for one in undone if one.changes_the_asterisk}
    await uow.books.turn_acquittals([one for one in latest.values() if one.invoice_id in turned])
    owed_again = {one.fact.invoice_id for one in undone if one.fact.debt_change.total.rappen > 0}
    back = [one for one in latest.values() if one.invoice_id in owed_again]
    if back:
        await uow.deb_files.resume_rows(file.practice_id, back, reasons=UNTIL_OWED_AGAIN)
    changes = defaultdict[UUID | None, list[Change]](list)
    for one in undone:
        changes[one.fact.invoice_id].append(_change(one))
    for position in latest.values():
        for event in position_events(
            position,
            changes[position.invoice_id],
            practice_id=file.practice_id,
            deb_file_id=file.deb_file_id,
            clock=clock,
        ):
            uow.record(event)


def _change(one: Undone) -> Change:
    """Tell what was undone; of a reversal, that what it had undone holds again."""
    fact, undone = one.fact, one.undoable
    if undone.reversed_kind is not None:
        return Change(undone.reversed_kind, fact.amount, fact.fact_date)
    return Change(UNDO, fact.amount, fact.fact_date, reverses=undone.original.kind)


async def _finish(file: ClaimedFile, uow: UnitOfWork, clock: Clock) -> None:
    done = await uow.deb_life.end_undo(file)
    uow.record(
        DebFileUndone(
            practice_id=file.practice_id,
            deb_file_id=file.deb_file_id,
            contract_id=file.contract_id,
            rows_read=done.rows_read,
            booked=done.booked,
            repeats=done.repeats,
            parked=done.parked,
            undone=done.undone,
            kept=done.kept,
            debt_change=done.debt_change,
            factor_change=done.factor_change,
            undone_at=clock.now(),
        )
    )
