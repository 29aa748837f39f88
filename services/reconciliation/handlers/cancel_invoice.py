"""Books the opposite of an invoice's issue: it was cancelled before any factor had it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from services.reconciliation.domain.journal import Entry
from services.reconciliation.domain.model import Debt
from services.reconciliation.domain.posting import CANCELLED, Measure, postings, rule_for
from services.reconciliation.handlers.reducing import Reduction, needed_position, reduce_position
from services.reconciliation.ports import UnitOfWork
from shared.kernel.clock import Clock
from shared.kernel.errors import PermanentError
from shared.kernel.ids import derived_id


@dataclass(frozen=True, slots=True)
class CancelInvoice:
    """This invoice was cancelled."""

    practice_id: UUID
    invoice_id: UUID
    reason_code: str
    cancelled_on: date


async def cancel_invoice(command: CancelInvoice, uow: UnitOfWork, clock: Clock) -> bool:
    """Book the cancellation once; return False, and change nothing, if it is booked already.

    Raises:
        TooEarlyError: the practice or the invoice is not known yet.
        PermanentError: the invoice is with the factor, or its balance has moved since its issue.
    """
    position = await needed_position(uow, command.practice_id, command.invoice_id)
    cause = derived_id("invoice-cancelled", command.invoice_id)
    if await uow.books.has_fact(cause):
        return False
    number = position.invoice_number
    if position.with_factor:
        raise PermanentError(
            f"invoice {number} is with the factor and cannot be cancelled; issue a credit note"
        )
    total, deposit = await uow.books.issued_amounts(command.invoice_id)
    balance = total - deposit
    if position.debt != Debt(principal=balance):
        raise PermanentError(
            f"invoice {number}: {position.debt.total} is open, not {balance} as at its issue"
        )
    lines = postings(
        rule_for(CANCELLED),
        {Measure.BALANCE: balance, Measure.DEPOSIT: deposit, Measure.TOTAL: total},
        chart=await uow.practices.chart(command.practice_id),
        invoice_id=command.invoice_id,
    )
    entry = Entry(
        entry_id=cause,
        practice_id=command.practice_id,
        entry_date=command.cancelled_on,
        kind=CANCELLED,
        label=f"Cancellation of invoice {number}",
        postings=lines,
    )
    reduction = Reduction(
        rule=rule_for(CANCELLED),
        cause=cause,
        amount=balance,
        on=command.cancelled_on,
        entry=entry if lines else None,
        note=command.reason_code,
    )
    await reduce_position(command.practice_id, position, reduction, uow, clock)
    return True
