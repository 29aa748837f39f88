"""Writes what became of DEB rows: journal, facts, positions, acquittals, the rows, and the events.

Rows that waited for what is booked now come back in the same transaction.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from services.reconciliation.domain.booking import Booked, Decision, Parked
from services.reconciliation.domain.events import Change, DebRowParked
from services.reconciliation.domain.model import Position
from services.reconciliation.domain.resuming import UNTIL_OWED_AGAIN
from services.reconciliation.domain.rules import REMINDER
from services.reconciliation.handlers.telling_positions import position_events
from services.reconciliation.ports import UnitOfWork
from shared.kernel.clock import Clock


@dataclass(frozen=True, slots=True)
class RowsOf:
    """The file that the rows stand in."""

    practice_id: UUID
    deb_file_id: UUID
    contract_id: UUID


async def write_decisions(
    file: RowsOf, decisions: Sequence[Decision], uow: UnitOfWork, clock: Clock
) -> None:
    """Write what became of rows of one file, under the lock of the practice's books."""
    booked = [decision for decision in decisions if isinstance(decision, Booked)]
    latest = {
        decision.position.invoice_id: decision.position
        for decision in booked
        if decision.position is not None
    }
    await uow.books.book(
        file.practice_id,
        entries=[decision.entry for decision in booked if decision.entry is not None],
        facts=[decision.fact for decision in booked],
        positions=list(latest.values()),
    )
    turned = {one.fact.invoice_id for one in booked if one.changes_the_asterisk}
    await uow.books.turn_acquittals(
        [position for position in latest.values() if position.invoice_id in turned]
    )
    await uow.deb_files.decide(file.deb_file_id, decisions)
    of_invoice = _by_invoice(booked)
    await _bring_back(file, booked, latest, of_invoice, uow)
    for invoice_id, position in latest.items():
        for event in position_events(
            position,
            [_change(one) for one in of_invoice[invoice_id]],
            practice_id=file.practice_id,
            deb_file_id=file.deb_file_id,
            clock=clock,
        ):
            uow.record(event)
    _record_parked(file, decisions, uow, clock)


def _by_invoice(booked: Sequence[Booked]) -> Mapping[UUID, list[Booked]]:
    rows = defaultdict[UUID, list[Booked]](list)
    for one in booked:
        if one.fact.invoice_id is not None:
            rows[one.fact.invoice_id].append(one)
    return rows


async def _bring_back(
    file: RowsOf,
    booked: Sequence[Booked],
    latest: Mapping[UUID, Position],
    of_invoice: Mapping[UUID, Sequence[Booked]],
    uow: UnitOfWork,
) -> None:
    owed_again = [
        position
        for invoice_id, position in latest.items()
        if any(one.fact.debt_change.total.rappen > 0 for one in of_invoice[invoice_id])
    ]
    if owed_again:
        await uow.deb_files.resume_rows(file.practice_id, owed_again, reasons=UNTIL_OWED_AGAIN)
    record_ids = [one.row.record_id for one in booked if one.row.record_id is not None]
    if record_ids:
        await uow.deb_files.resume_reversals(file.practice_id, file.contract_id, record_ids)


def _change(one: Booked) -> Change:
    reversed_kind = one.original.kind if one.original else None
    level = one.row.level if one.fact.kind == REMINDER else None
    return Change(
        one.fact.kind, one.fact.amount, one.fact.fact_date, reverses=reversed_kind, level=level
    )


def _record_parked(
    file: RowsOf, decisions: Sequence[Decision], uow: UnitOfWork, clock: Clock
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
