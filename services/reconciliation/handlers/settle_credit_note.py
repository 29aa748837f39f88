"""Books a credit note that never needs the factor: it refused the invoice that the note reduces."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from services.reconciliation.domain.journal import Entry
from services.reconciliation.domain.posting import postings, rule_for
from services.reconciliation.domain.rules import CREDIT_SETTLED, Measure
from services.reconciliation.handlers.reducing import Reduction, needed_position, reduce_position
from services.reconciliation.ports import UnitOfWork
from shared.kernel.clock import Clock
from shared.kernel.errors import PermanentError
from shared.kernel.ids import derived_id
from shared.kernel.money import Money


@dataclass(frozen=True, slots=True)
class SettleCreditNote:
    """This credit note has no way to the factor any more."""

    practice_id: UUID
    invoice_id: UUID
    credit_note_id: UUID
    credit_note_number: str
    amount: Money
    released_on: date


async def settle_credit_note(command: SettleCreditNote, uow: UnitOfWork, clock: Clock) -> bool:
    """Lower the receivables once; return False, and change nothing, if that was done.

    Of an invoice that was cancelled meanwhile nothing is left to be lowered; that is noted only.

    Raises:
        TooEarlyError: the practice or the invoice is not known yet.
        PermanentError: the invoice is with the factor, or less is open than the note says.
    """
    position = await needed_position(uow, command.practice_id, command.invoice_id)
    cause = derived_id("credit-note-settled", command.credit_note_id)
    if await uow.books.has_fact(cause):
        return False
    cancelled = await uow.books.cancelled_among([command.invoice_id])
    amount = Money.zero() if cancelled else command.amount
    if position.with_factor or amount > position.debt.principal:
        raise PermanentError(
            f"credit note {command.credit_note_number}, {command.amount}, cannot be settled here:"
            f" {position.debt.principal} is open on invoice {position.invoice_number}"
        )
    lines = postings(
        rule_for(CREDIT_SETTLED),
        {Measure.AMOUNT: amount},
        chart=await uow.practices.chart(command.practice_id),
        invoice_id=command.invoice_id,
    )
    entry = Entry(
        entry_id=cause,
        practice_id=command.practice_id,
        entry_date=command.released_on,
        kind=CREDIT_SETTLED,
        label=f"Credit note {command.credit_note_number}",
        postings=lines,
    )
    reduction = Reduction(
        rule=rule_for(CREDIT_SETTLED),
        cause=cause,
        amount=amount,
        on=command.released_on,
        entry=entry if lines else None,
        note=f"credit note {command.credit_note_number}, refused invoice",
        credit_note_id=command.credit_note_id,
    )
    await reduce_position(command.practice_id, position, reduction, uow, clock)
    return True
