"""Notes a credit note; the money moves with the factor's own record of it.

An invoice that has a credit note is in a sent order. Whether its acquittal is worked before or
after the credit note is chance, so the books must not depend on it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from services.reconciliation.domain.posting import rule_for
from services.reconciliation.domain.rules import CREDIT_ANNOUNCED
from services.reconciliation.handlers.reducing import Reduction, needed_position, reduce_position
from services.reconciliation.ports import UnitOfWork
from shared.kernel.clock import Clock
from shared.kernel.ids import derived_id
from shared.kernel.money import Money


@dataclass(frozen=True, slots=True)
class NoteCreditNote:
    """The practice reduced this invoice by this amount."""

    practice_id: UUID
    invoice_id: UUID
    credit_note_id: UUID
    credit_note_number: str
    amount: Money
    issued_on: date


async def note_credit_note(command: NoteCreditNote, uow: UnitOfWork, clock: Clock) -> bool:
    """Note the credit note once; return False, and change nothing, if that was done.

    Raises:
        TooEarlyError: the practice or the invoice is not known yet.
    """
    position = await needed_position(uow, command.practice_id, command.invoice_id)
    cause = derived_id("credit-note-issued", command.credit_note_id)
    if await uow.books.has_fact(cause):
        return False
    reduction = Reduction(
        rule=rule_for(CREDIT_ANNOUNCED),
        cause=cause,
        amount=command.amount,
        on=command.issued_on,
        entry=None,
        note=f"credit note {command.credit_note_number}, {command.amount}",
    )
    await reduce_position(command.practice_id, position, reduction, uow, clock)
    return True
