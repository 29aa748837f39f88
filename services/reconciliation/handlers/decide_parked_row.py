"""Carries out what a person decided about a parked row: book it on an invoice, or leave it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from uuid import UUID

from services.reconciliation.domain.booking import BatchBook, Booked, Decision
from services.reconciliation.domain.events import Change, DebFileBooked, InvoicePositionChanged
from services.reconciliation.domain.explaining import told_decision
from services.reconciliation.domain.handing import ParkedRow, RowDecision
from services.reconciliation.domain.judging import FileInHand, readable
from services.reconciliation.domain.model import Debt, Fact, Position
from services.reconciliation.domain.rules import ROW_LEFT
from services.reconciliation.handlers.booking_rows import RowsOf, write_decisions
from services.reconciliation.ports import UnitOfWork
from shared.kernel.clock import Clock
from shared.kernel.errors import ConflictError, DomainError, NotFoundError
from shared.kernel.money import Money

BOOK, LEAVE = "book-on-invoice", "leave"


@dataclass(frozen=True, slots=True)
class DecideParkedRow:
    """Book the row on this invoice, or leave it unbooked.

    Attributes:
        decision: "book-on-invoice" or "leave".
        invoice_id: only to book on.
        reason, by: why, and who decides; both are kept.
    """

    practice_id: UUID
    row_id: UUID
    decision: str
    invoice_id: UUID | None
    reason: str
    by: str


async def decide_parked_row(command: DecideParkedRow, uow: UnitOfWork, clock: Clock) -> None:
    """Decide about a row, once; what was left can be reopened, and decided again.

    Raises:
        NotFoundError: the practice has no such row, or no such invoice.
        ConflictError: it is decided, no longer parked, or a rule forbids booking it so.
        DomainError: the invoice to book on is missing, or not wanted.
    """
    if (command.decision == BOOK) != (command.invoice_id is not None):
        raise DomainError(
            "name an invoice to book on it, and only then",
            code="decision-incomplete",
            field="invoice_id",
        )
    await uow.books.lock(command.practice_id)
    parked = await uow.row_decisions.find(command.row_id)
    if parked is None:
        raise NotFoundError("this practice has no such parked row", code="row-not-found")
    if parked.decision is not None:
        raise ConflictError("a person decided about this row before", code="row-already-decided")
    if not parked.is_parked:
        raise ConflictError("this row is no longer parked", code="row-not-parked")
    decision = RowDecision(
        row_id=command.row_id,
        decision=command.decision,
        invoice_id=command.invoice_id,
        reason=command.reason,
        decided_by=command.by,
        decided_at=clock.now(),
    )
    if command.invoice_id is None:
        await uow.row_decisions.store(decision)
        await tell_decision(parked, decision, ROW_LEFT, uow, clock)
        return
    chosen = (await uow.books.positions([command.invoice_id])).get(command.invoice_id)
    if chosen is None:
        raise NotFoundError("this practice has no such invoice", code="invoice-not-found")
    booked = await _judged(parked, chosen, uow)
    await uow.row_decisions.store(decision)
    await uow.row_decisions.take_up(command.row_id)
    await _book(parked, booked, decision, uow, clock)


async def _judged(parked: ParkedRow, chosen: Position, uow: UnitOfWork) -> Booked:
    """Return what booking the row on the invoice does.

    Raises:
        ConflictError: a rule forbids it.
    """
    row = parked.row
    contract = await uow.practices.contract(parked.contract_id)
    known = await uow.deb_files.known(parked.practice_id, [row])
    known.by_number[chosen.invoice_number] = chosen
    book = BatchBook(
        file=FileInHand(
            parked.deb_file_id, parked.practice_id, readable(contract), parked.created_on
        ),
        chart=await uow.practices.chart(parked.practice_id),
        known=known,
        booked=dict(await uow.deb_files.booked_rows(parked.practice_id, parked.contract_id, [row])),
        originals=dict(await uow.deb_files.originals(parked.contract_id, _named(row.reverses))),
        undone=await uow.deb_files.times_undone(parked.contract_id, [row]),
    )
    judged: Decision = book.decide(row, chosen=chosen)
    if isinstance(judged, Booked) and judged.fact.invoice_id == chosen.invoice_id:
        return judged
    reason = getattr(judged, "reason", "not-about-an-invoice")
    detail = getattr(judged, "detail", "the row is a repeat, or is about no invoice")
    raise ConflictError(
        f"this row cannot be booked on invoice {chosen.invoice_number}: {detail}",
        code="row-cannot-be-booked",
        reason_code=reason,
    )


def _named(record_id: str | None) -> list[str]:
    return [] if record_id is None else [record_id]


async def _book(
    parked: ParkedRow, booked: Booked, decision: RowDecision, uow: UnitOfWork, clock: Clock
) -> None:
    why = f"booked by decision of {decision.decided_by}: {decision.reason}"
    note = "; ".join(part for part in (booked.fact.note, why) if part)
    place = RowsOf(parked.practice_id, parked.deb_file_id, parked.contract_id)
    explained = replace(booked, fact=replace(booked.fact, note=note))
    await write_decisions(place, [explained], uow, clock)
    counts = await uow.row_decisions.counts(parked.deb_file_id)
    if counts is None:
        return
    uow.record(
        DebFileBooked(
            practice_id=parked.practice_id,
            deb_file_id=parked.deb_file_id,
            contract_id=parked.contract_id,
            rows_read=counts.rows_read,
            booked=counts.booked,
            repeats=counts.repeats,
            parked=counts.parked,
            booked_at=clock.now(),
        )
    )


async def tell_decision(
    parked: ParkedRow, decision: RowDecision, kind: str, uow: UnitOfWork, clock: Clock
) -> None:
    """Show that a row was left, or reopened, in the history of its invoice, where that is known."""
    if parked.invoice_id is None or parked.row.event_date is None:
        return
    position = (await uow.books.positions([parked.invoice_id]))[parked.invoice_id]
    verb = "left" if kind == ROW_LEFT else "put back"
    fact = Fact(
        fact_id=told_decision(kind, parked.row_id, before=parked.decisions),
        practice_id=parked.practice_id,
        invoice_id=parked.invoice_id,
        kind=kind,
        fact_date=parked.row.event_date,
        amount=None,
        debt_change=Debt(),
        factor_change=Money.zero(),
        entry_id=None,
        deb_file_id=parked.deb_file_id,
        deb_line=parked.row.line,
        note=f"{parked.row.kind}, {verb} by decision of {decision.decided_by}: {decision.reason}",
    )
    await uow.books.book(parked.practice_id, entries=[], facts=[fact], positions=[])
    uow.record(
        InvoicePositionChanged(
            practice_id=parked.practice_id,
            invoice_id=parked.invoice_id,
            contract_id=position.present_contract_id,
            debt=position.debt,
            factor_owes=position.factor_owes,
            with_factor=position.with_factor,
            given_back_by=position.given_back_by,
            deb_file_id=parked.deb_file_id,
            changes=(Change(kind, None, parked.row.event_date),),
            changed_at=clock.now(),
        )
    )
