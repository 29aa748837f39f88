"""Writes a fact that our own practice stated about an invoice after its issue, and tells of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from services.reconciliation.domain.events import Change, InvoicePositionChanged
from services.reconciliation.domain.journal import Entry
from services.reconciliation.domain.model import Fact, Position
from services.reconciliation.domain.owing import debt_change
from services.reconciliation.domain.rules import Rule
from services.reconciliation.ports import UnitOfWork
from shared.kernel.clock import Clock
from shared.kernel.errors import TooEarlyError
from shared.kernel.money import Money


@dataclass(frozen=True, slots=True)
class Reduction:
    """A fact that reduces what the debtor owes, or only tells of something.

    Attributes:
        cause: id of the fact, derived from what led to it.
        entry: None when it does not touch the practice's book.
        credit_note_id: of the credit note that is settled by it.
    """

    rule: Rule
    cause: UUID
    amount: Money
    on: date
    entry: Entry | None
    note: str
    credit_note_id: UUID | None = None


async def needed_position(uow: UnitOfWork, practice_id: UUID, invoice_id: UUID) -> Position:
    """Return an invoice's position under the lock of its practice's books.

    Raises:
        TooEarlyError: the practice or the invoice is not known yet.
    """
    if not await uow.books.lock(practice_id):
        raise TooEarlyError(f"practice {practice_id} is unknown", waits_for=str(practice_id))
    positions = await uow.books.positions([invoice_id])
    if invoice_id not in positions:
        raise TooEarlyError(f"invoice {invoice_id} is unknown", waits_for=str(invoice_id))
    return positions[invoice_id]


async def reduce_position(
    practice_id: UUID, before: Position, reduction: Reduction, uow: UnitOfWork, clock: Clock
) -> None:
    """Book the fact and record the changed position; P stays as it is."""
    rule = reduction.rule
    change = debt_change(rule, reduction.amount, before=before.debt)
    assert change is not None  # noqa: S101 - only a payment can be too much
    after = before.moved(change, Money.zero())
    amount = reduction.amount if rule.moves_money else None
    fact = Fact(
        fact_id=reduction.cause,
        practice_id=practice_id,
        invoice_id=before.invoice_id,
        kind=rule.kind,
        fact_date=reduction.on,
        amount=amount,
        debt_change=change,
        factor_change=Money.zero(),
        entry_id=None if reduction.entry is None else reduction.entry.entry_id,
        note=reduction.note,
    )
    entries = [] if reduction.entry is None else [reduction.entry]
    await uow.books.book(practice_id, entries=entries, facts=[fact], positions=[after])
    change_told = Change(rule.kind, amount, reduction.on, credit_note_id=reduction.credit_note_id)
    uow.record(InvoicePositionChanged.of_fact(practice_id, after, change_told, at=clock.now()))
