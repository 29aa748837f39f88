"""Acquits the accepted invoices of a confirmed order: factor account against receivables."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

from services.reconciliation.domain.accounts import Chart
from services.reconciliation.domain.journal import Entry
from services.reconciliation.domain.model import (
    Acquittal,
    Confirmation,
    Contract,
    Debt,
    Decided,
    Fact,
    LiveAcquittal,
    Position,
)
from services.reconciliation.domain.posting import factor_change, posted_for, rule_for
from services.reconciliation.domain.rules import ACQUITTED
from shared.kernel.ids import derived_id
from shared.kernel.money import Money


@dataclass(frozen=True, slots=True)
class AcceptedInvoice:
    """An invoice that the factor accepted.

    Attributes:
        confirmed: the amount for which it did.
    """

    position: Position
    confirmed: Money


@dataclass(frozen=True, slots=True)
class AcquittedInvoice:
    """One acquittal, with all that it does to the books."""

    acquittal: Acquittal
    entry: Entry
    fact: Fact
    position: Position


def acquitted(
    confirmation: Confirmation,
    contract: Contract,
    before: Position,
    *,
    chart: Chart,
    today: date,
    decided: Decided | None = None,
) -> AcquittedInvoice:
    """Acquit one accepted invoice for all that is open, which is what the factor confirmed.

    Before its first acquittal only principal is; of an invoice that was given back, what the
    recourse left on 1100.

    Args:
        before: of an invoice that the confirmation accepted and nothing speaks against.
        decided: the person who has it acquitted, where one does.
    """
    order_id, invoice_id = confirmation.order_id, before.invoice_id
    cause = derived_id("acquittal", order_id, invoice_id)
    amount, rule = before.debt.total, rule_for(ACQUITTED)
    live = LiveAcquittal(order_id, contract.contract_id, contract.ledger_account)
    moved = factor_change(rule, amount)
    position = replace(before, acquittal=live, ended=None, factor_owes=before.factor_owes + moved)
    entry = Entry(
        entry_id=cause,
        practice_id=confirmation.practice_id,
        entry_date=today,
        kind=ACQUITTED,
        label=contract.acquittal_label,
        postings=posted_for(rule, amount, chart=chart, position=position),
        order_id=order_id,
    )
    fact = Fact(
        fact_id=cause,
        practice_id=confirmation.practice_id,
        invoice_id=invoice_id,
        kind=ACQUITTED,
        fact_date=today,
        amount=amount,
        debt_change=Debt(),
        factor_change=moved,
        entry_id=cause,
        order_id=order_id,
        note=f"order {confirmation.order_number}, {confirmation.evidence_kind}"
        f" {confirmation.evidence_reference}",
    )
    acquittal = Acquittal(
        acquittal_id=cause,
        practice_id=confirmation.practice_id,
        invoice_id=invoice_id,
        order_id=order_id,
        contract_id=contract.contract_id,
        amount=amount,
        ledger_account=contract.ledger_account,
        label=contract.acquittal_label,
        acquitted_on=today,
        entry_id=cause,
        decided=decided,
    )
    return AcquittedInvoice(acquittal, entry, fact, position)
