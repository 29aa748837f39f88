"""Books an issued invoice and opens its position: D is the balance, P is nothing."""

from __future__ import annotations

from dataclasses import dataclass

from services.reconciliation.domain.journal import Entry
from services.reconciliation.domain.model import Debt, Fact, NewInvoice, Position
from services.reconciliation.domain.owing import debt_change
from services.reconciliation.domain.posting import postings, rule_for
from services.reconciliation.domain.resuming import UNTIL_ISSUED
from services.reconciliation.domain.rules import ISSUED, Measure
from services.reconciliation.ports import UnitOfWork
from shared.kernel.errors import PermanentError, TooEarlyError
from shared.kernel.ids import derived_id
from shared.kernel.money import Money


@dataclass(frozen=True, slots=True)
class OpenPosition:
    """Book this invoice."""

    invoice: NewInvoice


async def open_position(command: OpenPosition, uow: UnitOfWork) -> bool:
    """Book the invoice once; return False, and change nothing, if it is booked already.

    Rows of DEB files that came before the invoice are then decided again.

    Raises:
        TooEarlyError: the practice is not known yet.
        PermanentError: the amounts contradict each other, or the number is taken.
    """
    invoice = command.invoice
    if invoice.total != invoice.deposit + invoice.balance:
        raise PermanentError(
            f"invoice {invoice.invoice_number}: {invoice.total} is not"
            f" {invoice.deposit} + {invoice.balance}"
        )
    if not await uow.books.lock(invoice.practice_id):
        raise TooEarlyError(
            f"practice {invoice.practice_id} is unknown", waits_for=str(invoice.practice_id)
        )
    if not await uow.books.open_position(invoice):
        return False
    entry = await _entry(invoice, uow)
    fact, position = _fact_and_position(invoice, entry)
    await uow.books.book(
        invoice.practice_id,
        entries=[] if entry is None else [entry],
        facts=[fact],
        positions=[position],
    )
    await uow.deb_files.resume_rows(invoice.practice_id, [position], reasons=UNTIL_ISSUED)
    return True


async def _entry(invoice: NewInvoice, uow: UnitOfWork) -> Entry | None:
    lines = postings(
        rule_for(ISSUED),
        {
            Measure.BALANCE: invoice.balance,
            Measure.DEPOSIT: invoice.deposit,
            Measure.TOTAL: invoice.total,
        },
        chart=await uow.practices.chart(invoice.practice_id),
        invoice_id=invoice.invoice_id,
    )
    if not lines:
        return None
    return Entry(
        entry_id=derived_id("invoice-issued", invoice.invoice_id),
        practice_id=invoice.practice_id,
        entry_date=invoice.issued_on,
        kind=ISSUED,
        label=f"Invoice {invoice.invoice_number}",
        postings=lines,
    )


def _fact_and_position(invoice: NewInvoice, entry: Entry | None) -> tuple[Fact, Position]:
    change = debt_change(rule_for(ISSUED), invoice.balance, before=Debt())
    assert change is not None  # noqa: S101 - a charge always can be
    fact = Fact(
        fact_id=derived_id("invoice-issued", invoice.invoice_id),
        practice_id=invoice.practice_id,
        invoice_id=invoice.invoice_id,
        kind=ISSUED,
        fact_date=invoice.issued_on,
        amount=invoice.balance,
        debt_change=change,
        factor_change=Money.zero(),
        entry_id=None if entry is None else entry.entry_id,
    )
    position = Position(
        invoice_id=invoice.invoice_id,
        invoice_number=invoice.invoice_number,
        contract_id=invoice.contract_id,
        debtor_number=invoice.debtor_number,
        issued_on=invoice.issued_on,
        debt=change,
        document_number=invoice.document_number,
    )
    return fact, position
