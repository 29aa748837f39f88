"""What a fact does to D, component by component."""

from __future__ import annotations

from collections.abc import Sequence

from services.reconciliation.domain.model import PAYMENT_ORDER, Component, Debt
from services.reconciliation.domain.rules import DebtorEffect, Rule
from shared.kernel.money import Money


def payment_split(
    debt: Debt, amount: Money, *, order: Sequence[Component] = PAYMENT_ORDER
) -> Debt | None:
    """Return the change of D that a payment makes, or None when it exceeds what is owed.

    Args:
        order: each component once, the one that is settled first at the beginning.
    """
    rest = amount.rappen
    if rest > debt.total.rappen:
        return None
    change = dict[str, Money]()
    for component in order:
        settled = min(rest, max(debt.part(component).rappen, 0))
        change[component.value] = Money(-settled)
        rest -= settled
    return None if rest else Debt(**change)


def debt_change(
    rule: Rule, amount: Money, *, before: Debt, order: Sequence[Component] = PAYMENT_ORDER
) -> Debt | None:
    """Return what a fact does to D; None when it cannot be, for it does not fit what is open.

    Args:
        order: in which a payment settles the components.
    """
    if rule.debtor is DebtorEffect.PAYMENT:
        return payment_split(before, amount, order=order)
    if rule.debtor is DebtorEffect.GIVEN_UP:
        return -before if amount == before.principal else None
    if rule.debtor is DebtorEffect.GIVEN_BACK:
        return _given_back(before, amount)
    if rule.debtor is DebtorEffect.REDUCTION:
        return _sound(before, Debt.of(Component.PRINCIPAL, -amount))
    if rule.component is None:
        return Debt()
    change = Debt.of(rule.component, amount)
    return _sound(before, change) if rule.from_deb else change


def opposite(
    change: Debt, *, before: Debt, order: Sequence[Component] = PAYMENT_ORDER
) -> Debt | None:
    """Return the change of D that undoes `change`; None when more would go than is open.

    In total it is the exact opposite. Where a payment has settled the component meanwhile, it
    settles the others instead, as if what is undone had never been charged.
    """
    exact = before + -change
    if exact.is_sound:
        return -change
    lacking = Money.total(max(-exact.part(one), Money.zero()) for one in Component)
    raised = Debt(*(max(exact.part(one), Money.zero()) for one in Component))
    settled = payment_split(raised, lacking, order=order)
    return None if settled is None else raised + settled + -before


def _given_back(before: Debt, amount: Money) -> Debt | None:
    """Return what is left of D: what the factor keeps of its own charges is no longer owed."""
    if not before.principal <= amount <= before.total:
        return None
    return payment_split(before, before.total - amount)


def _sound(before: Debt, change: Debt) -> Debt | None:
    return change if (before + change).is_sound else None
