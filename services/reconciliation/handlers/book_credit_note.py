"""Books a credit note, or only notes it where the factor's own record will move the money."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from services.reconciliation.domain.journal import Entry
from services.reconciliation.domain.model import Position
from services.reconciliation.domain.posting import (
    CREDIT_ANNOUNCED,
    CREDITED_BEFORE,
    posted_for,
    rule_for,
)
from services.reconciliation.handlers.reducing import Reduction, needed_position, reduce_position
from services.reconciliation.ports import UnitOfWork
from shared.kernel.clock import Clock
from shared.kernel.errors import PermanentError
from shared.kernel.ids import derived_id
from shared.kernel.money import Money


@dataclass(frozen=True, slots=True)
class BookCreditNote:
    """The practice reduced this invoice by this amount."""

    practice_id: UUID
    invoice_id: UUID
    credit_note_id: UUID
    credit_note_number: str
    amount: Money
    issued_on: date


async def book_credit_note(command: BookCreditNote, uow: UnitOfWork, clock: Clock) -> bool:
    """Book or note the credit note once; return False, and change nothing, if that was done.

    Raises:
        TooEarlyError: the practice or the invoice is not known yet.
        PermanentError: before the acquittal, the credit note is larger than what is open.
    """
    position = await needed_position(uow, command.practice_id, command.invoice_id)
    cause = derived_id("credit-note-issued", command.credit_note_id)
    if await uow.books.has_fact(cause):
        return False
    if not position.with_factor and command.amount > position.debt.principal:
        raise PermanentError(
            f"credit note {command.credit_note_number} over {command.amount}: only"
            f" {position.debt.principal} of invoice {position.invoice_number} is open"
        )
    entry = None if position.with_factor else await _entry(command, position, cause, uow)
    reduction = Reduction(
        rule=rule_for(CREDIT_ANNOUNCED if position.with_factor else CREDITED_BEFORE),
        cause=cause,
        amount=command.amount,
        on=command.issued_on,
        entry=entry,
        note=f"credit note {command.credit_note_number}, {command.amount}",
    )
    await reduce_position(command.practice_id, position, reduction, uow, clock)
    return True


async def _entry(
    command: BookCreditNote, position: Position, cause: UUID, uow: UnitOfWork
) -> Entry:
    return Entry(
        entry_id=cause,
        practice_id=command.practice_id,
        entry_date=command.issued_on,
        kind=CREDITED_BEFORE,
        label=f"Credit note {command.credit_note_number}",
        postings=posted_for(
            rule_for(CREDITED_BEFORE),
            command.amount,
            chart=await uow.practices.chart(command.practice_id),
            position=position,
        ),
    )
