"""Chooses the posting rule of a fact, and writes the postings that follow from it."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from services.reconciliation.domain.accounts import AccountRole, Chart
from services.reconciliation.domain.journal import Posting
from services.reconciliation.domain.model import Beneficiary, Position
from services.reconciliation.domain.rules import (
    ACQUITTED,
    RECOURSE,
    RULES,
    WRITE_OFF,
    Case,
    Measure,
    Rule,
    Side,
)
from shared.kernel.money import Money

_SILENT: Mapping[str, Beneficiary] = {"adjustment": Beneficiary.PRACTICE}
"""Who it is for where the row is silent and the contract says nothing of this kind."""
_BY_TERMS: Mapping[tuple[str, Beneficiary | None, Case | None], Rule] = {
    (rule.kind, rule.beneficiary, rule.case): rule for rule in RULES
}
_CHARGING_KINDS = frozenset(rule.kind for rule in RULES if rule.component is not None)
DEB_KINDS: frozenset[str] = frozenset(rule.kind for rule in RULES if rule.from_deb)
ENDINGS = frozenset({"cancellation", RECOURSE, WRITE_OFF})
"""Kinds that are about all that is left: within a file they come after everything else."""


def rule_for(
    kind: str,
    *,
    stated: Beneficiary | None = None,
    agreed: Beneficiary = Beneficiary.FACTOR,
    case: Case | None = None,
) -> Rule:
    """Return the rule for a kind.

    Args:
        kind: one of the kinds in RULES.
        stated: who gets the money according to the row; it counts before the contract.
        agreed: who gets it according to the contract, where the row is silent.
        case: the case at hand, for a kind that has several.
    """
    rule = _BY_TERMS.get((kind, None, case))
    if rule is not None:
        return rule
    return _BY_TERMS[kind, stated or _SILENT.get(kind, agreed), case]


def has_beneficiary(kind: str) -> bool:
    """Whether it matters for this kind who gets the money."""
    return (kind, Beneficiary.PRACTICE, None) in _BY_TERMS


def raises_debt(kind: str | None) -> bool:
    """Whether rows of this kind are booked before others, so that payments find what they pay."""
    return kind in _CHARGING_KINDS


def factor_change(rule: Rule, amount: Money) -> Money:
    """Return what a fact does to P."""
    return Money(rule.factor * amount.rappen)


def postings(
    rule: Rule,
    amounts: Mapping[Measure, Money],
    *,
    chart: Chart,
    invoice_id: UUID | None,
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
    """Return the postings of a fact about an invoice that is, or was, with the factor."""
    acquittal = position.latest_acquittal
    return postings(
        rule,
        {Measure.AMOUNT: amount},
        chart=chart,
        invoice_id=position.invoice_id,
        factor_account=acquittal.ledger_account if acquittal else None,
        confirmed_order_id=acquittal.order_id if acquittal else None,
    )
