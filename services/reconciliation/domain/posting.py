"""The posting rules: one table, kind by kind, of what a fact does to D, to P and to the book.

docs/accounting.md is rendered from this table; an accountant reads it there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from services.reconciliation.domain.accounts import AccountRole, Chart
from services.reconciliation.domain.journal import Posting
from services.reconciliation.domain.model import Beneficiary, Component, Debt, Position
from shared.kernel.money import Money

ISSUED = "invoice_issued"
ACQUITTED = "acquittal"
CANCELLED = "invoice_cancelled"
CREDIT_ANNOUNCED = "credit_note_issued"
PAYMENT_ORDER = (
    Component.COSTS,
    Component.INTEREST,
    Component.REMINDER_FEES,
    Component.PRINCIPAL,
)
"""A debtor's payment settles the components in this order (cf. art. 85 CO: costs first)."""


class AmountForm(StrEnum):
    """Which amounts a kind may carry."""

    NONE = "none"
    POSITIVE = "positive"
    SIGNED = "not zero"


class Measure(StrEnum):
    """Which amount of a fact a posting takes."""

    AMOUNT = "amount"
    BALANCE = "balance"
    DEPOSIT = "deposit"
    TOTAL = "total"


class Side(StrEnum):
    """Debit or credit."""

    DEBIT = "D"
    CREDIT = "C"


@dataclass(frozen=True, slots=True)
class Leg:
    """One posting of a rule, by role instead of number."""

    role: AccountRole
    side: Side
    measure: Measure = Measure.AMOUNT


class DebtorEffect(StrEnum):
    """What a fact does to D."""

    NONE = "0"
    CHARGE = "+"
    PAYMENT = "-"
    REDUCTION = "- principal"


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of the table.

    Attributes:
        kind: of the fact; the record kind of a DEB row, or a kind of our own.
        label: what the journal entry is called.
        beneficiary: the rule holds only when this party gets the money; None: whoever gets it.
        component: of D, for a charge.
        factor: sign of the change of P: +1, 0 or -1 times the amount.
        from_deb: whether a DEB row may carry this kind.
    """

    kind: str
    label: str
    amount: AmountForm = AmountForm.POSITIVE
    beneficiary: Beneficiary | None = None
    debtor: DebtorEffect = DebtorEffect.NONE
    component: Component | None = None
    factor: int = 0
    legs: tuple[Leg, ...] = ()
    from_deb: bool = True

    @property
    def moves_money(self) -> bool:
        """Whether the fact changes D, P or the book."""
        return self.amount is not AmountForm.NONE


def _information(kind: str, label: str) -> Rule:
    return Rule(kind, label, amount=AmountForm.NONE)


def _transfer(debit: AccountRole, credit: AccountRole) -> tuple[Leg, ...]:
    return (Leg(debit, Side.DEBIT), Leg(credit, Side.CREDIT))


def _charge(kind: str, label: str, component: Component) -> tuple[Rule, Rule]:
    return (
        Rule(
            kind,
            label,
            beneficiary=Beneficiary.FACTOR,
            debtor=DebtorEffect.CHARGE,
            component=component,
        ),
        Rule(
            kind,
            label,
            beneficiary=Beneficiary.PRACTICE,
            debtor=DebtorEffect.CHARGE,
            component=component,
            factor=1,
            legs=_transfer(AccountRole.FACTOR, AccountRole.FEE_INCOME),
        ),
    )


RULES: tuple[Rule, ...] = (
    Rule(
        ISSUED,
        "Invoice issued",
        debtor=DebtorEffect.CHARGE,
        component=Component.PRINCIPAL,
        legs=(
            Leg(AccountRole.RECEIVABLES, Side.DEBIT, Measure.BALANCE),
            Leg(AccountRole.DEPOSITS, Side.DEBIT, Measure.DEPOSIT),
            Leg(AccountRole.FEES, Side.CREDIT, Measure.TOTAL),
        ),
        from_deb=False,
    ),
    Rule(
        ACQUITTED,
        "Acquittal",
        factor=1,
        legs=_transfer(AccountRole.FACTOR, AccountRole.RECEIVABLES),
        from_deb=False,
    ),
    Rule(
        CANCELLED,
        "Invoice cancelled",
        debtor=DebtorEffect.REDUCTION,
        legs=(
            Leg(AccountRole.FEES, Side.DEBIT, Measure.TOTAL),
            Leg(AccountRole.RECEIVABLES, Side.CREDIT, Measure.BALANCE),
            Leg(AccountRole.DEPOSITS, Side.CREDIT, Measure.DEPOSIT),
        ),
        from_deb=False,
    ),
    Rule(CREDIT_ANNOUNCED, "Credit note issued", amount=AmountForm.NONE, from_deb=False),
    _information("sent", "Sent to the debtor"),
    _information("returned", "Returned by the post"),
    _information("reminder", "Reminder"),
    _information("instalment_plan", "Instalment plan"),
    _information("deferral", "Deferral"),
    _information("dispute", "Dispute"),
    _information("debt_enforcement", "Debt enforcement"),
    _information("closed", "Closed by the factor"),
    Rule("debtor_payment", "Payment of the debtor", debtor=DebtorEffect.PAYMENT),
    *_charge("reminder_fee", "Reminder fee", Component.REMINDER_FEES),
    *_charge("default_interest", "Default interest", Component.INTEREST),
    *_charge("instalment_surcharge", "Instalment surcharge", Component.INTEREST),
    *_charge("enforcement_cost", "Enforcement cost", Component.COSTS),
    Rule(
        "payout",
        "Payout of the factor",
        amount=AmountForm.SIGNED,
        factor=-1,
        legs=_transfer(AccountRole.BANK, AccountRole.FACTOR),
    ),
    Rule(
        "advance",
        "Advance of the factor",
        factor=-1,
        legs=_transfer(AccountRole.BANK, AccountRole.FACTOR),
    ),
    Rule(
        "factor_fee",
        "Charge of the factor",
        factor=-1,
        legs=_transfer(AccountRole.FACTOR_CHARGES, AccountRole.FACTOR),
    ),
)
KINDS_NOT_BOOKED_YET: frozenset[str] = frozenset(
    {
        "account_movement",
        "adjustment",
        "cancellation",
        "credit_note",
        "debtor_refund",
        "recourse",
        "reversal",
        "write_off",
    }
)
"""Kinds that are understood but wait for a person: their rows are parked."""
_BY_TERMS: Mapping[tuple[str, Beneficiary | None], Rule] = {
    (rule.kind, rule.beneficiary): rule for rule in RULES
}
DEB_KINDS: frozenset[str] = frozenset(rule.kind for rule in RULES if rule.from_deb)


def rule_for(
    kind: str, *, stated: Beneficiary | None = None, agreed: Beneficiary = Beneficiary.FACTOR
) -> Rule:
    """Return the rule for a kind.

    Args:
        kind: one of the kinds in RULES.
        stated: who gets the money according to the row; it counts before the contract.
        agreed: who gets it according to the contract, where the row is silent.
    """
    rule = _BY_TERMS.get((kind, None))
    return rule if rule is not None else _BY_TERMS[kind, stated or agreed]


def has_beneficiary(kind: str) -> bool:
    """Whether it matters for this kind who gets the money."""
    return (kind, Beneficiary.PRACTICE) in _BY_TERMS


def payment_split(debt: Debt, amount: Money) -> Debt | None:
    """Return the change of D that a payment makes, or None when it exceeds what is owed."""
    if amount > debt.total:
        return None
    change, rest = Debt(), amount
    for component in PAYMENT_ORDER:
        settled = min(rest, max(debt.part(component), Money.zero()))
        change = change + Debt.of(component, -settled)
        rest = rest - settled
    return change if rest.is_zero else None


def debt_change(rule: Rule, amount: Money, *, before: Debt) -> Debt | None:
    """Return what a fact does to D; None when it cannot be (a payment beyond the debt)."""
    if rule.debtor is DebtorEffect.PAYMENT:
        return payment_split(before, amount)
    if rule.debtor is DebtorEffect.REDUCTION:
        return Debt.of(Component.PRINCIPAL, -amount)
    if rule.component is not None:
        return Debt.of(rule.component, amount)
    return Debt()


def factor_change(rule: Rule, amount: Money) -> Money:
    """Return what a fact does to P."""
    return Money(rule.factor * amount.rappen)


def postings(
    rule: Rule,
    amounts: Mapping[Measure, Money],
    *,
    chart: Chart,
    invoice_id: UUID,
    factor_account: str | None = None,
    confirmed_order_id: UUID | None = None,
) -> tuple[Posting, ...]:
    """Return the postings of a rule; a leg whose amount is zero is left out, an acquittal's is not.

    Args:
        amounts: by measure, in the ordinary direction of the kind.
        factor_account: ledger account of the factor, where the rule touches it.
        confirmed_order_id: the confirmation that permits touching it.
    """
    lines = []
    for leg in rule.legs:
        amount = amounts[leg.measure]
        if amount.is_zero and rule.kind != ACQUITTED:
            continue
        on_factor = leg.role is AccountRole.FACTOR
        account = factor_account if on_factor else chart.number(leg.role)
        assert account is not None, rule.kind  # noqa: S101 - the caller checked the acquittal
        lines.append(
            Posting(
                account=account,
                role=leg.role,
                amount=amount if leg.side is Side.DEBIT else -amount,
                invoice_id=invoice_id,
                confirmed_order_id=confirmed_order_id if on_factor else None,
            )
        )
    return tuple(lines)


def posted_for(
    rule: Rule, amount: Money, *, chart: Chart, position: Position
) -> tuple[Posting, ...]:
    """Return the postings of a fact about an invoice that is with the factor."""
    acquittal = position.acquittal
    return postings(
        rule,
        {Measure.AMOUNT: amount},
        chart=chart,
        invoice_id=position.invoice_id,
        factor_account=acquittal.ledger_account if acquittal else None,
        confirmed_order_id=acquittal.order_id if acquittal else None,
    )
