"""Books the opposite of what is left of an invoice's issue, unless the factor has it by now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from services.reconciliation.domain.acquittal import AcceptedInvoice
from services.reconciliation.domain.journal import Entry
from services.reconciliation.domain.model import Debt, Position
from services.reconciliation.domain.posting import postings, rule_for
from services.reconciliation.domain.rules import CANCELLED, CANCELLED_LATE, Measure
from services.reconciliation.domain.setting_aside import ExceptionReason, set_aside
from services.reconciliation.handlers.reducing import Reduction, needed_position, reduce_position
from services.reconciliation.ports import UnitOfWork
from shared.kernel.clock import Clock
from shared.kernel.errors import PermanentError
from shared.kernel.ids import derived_id
from shared.kernel.money import Money


@dataclass(frozen=True, slots=True)
class CancelInvoice:
    """This invoice was cancelled."""

    practice_id: UUID
    invoice_id: UUID
    reason_code: str
    cancelled_on: date


async def cancel_invoice(command: CancelInvoice, uow: UnitOfWork, clock: Clock) -> bool:
    """Book the cancellation once; return False, and change nothing, if it is booked already.

    An order may have taken the invoice along while it was being cancelled. If it is acquitted by
    now, the books stay as they are and its line is set aside: a person tells the factor by a credit
    note. Credit notes that were settled without the factor have reduced it already.

    Raises:
        TooEarlyError: the practice or the invoice is not known yet.
        PermanentError: its balance has moved since its issue by something else.
    """
    position = await needed_position(uow, command.practice_id, command.invoice_id)
    cause = derived_id("invoice-cancelled", command.invoice_id)
    if await uow.books.has_fact(cause):
        return False
    number = position.invoice_number
    if position.acquittal is not None:
        await _set_aside(command, position, position.acquittal.order_id, uow, clock)
        return True
    issued, deposit = await uow.books.issued_amounts(command.invoice_id)
    total = issued - await uow.books.settled_credit(command.invoice_id)
    balance = total - deposit
    if position.debt != Debt(principal=balance):
        raise PermanentError(
            f"invoice {number}: {position.debt.total} is open, not {balance} as its issue"
            " and its credit notes say"
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
    await uow.books.note_cancelled(command.practice_id, command.invoice_id, at=clock.now())
    return True


async def _set_aside(
    command: CancelInvoice, position: Position, order_id: UUID, uow: UnitOfWork, clock: Clock
) -> None:
    confirmed = (await uow.confirmations.accepted_invoices(order_id))[position.invoice_id]
    exception = set_aside(
        command.practice_id,
        order_id,
        AcceptedInvoice(position, confirmed),
        ExceptionReason.CANCELLED_WITH_FACTOR,
        at=clock.now(),
    )
    await uow.exceptions.add([exception])
    told = Reduction(
        rule=rule_for(CANCELLED_LATE),
        cause=derived_id("invoice-cancelled", command.invoice_id),
        amount=Money.zero(),
        on=command.cancelled_on,
        entry=None,
        note=command.reason_code,
    )
    await reduce_position(command.practice_id, position, told, uow, clock)
