"""Says which line of the posting table stands behind a booked fact."""

from __future__ import annotations

from collections.abc import Collection

from services.reconciliation.domain.accounts import AccountRole
from services.reconciliation.domain.rules import RULES, Rule


def rule_behind(kind: str, roles: Collection[AccountRole]) -> Rule | None:
    """Return the rule by which a fact was booked; None for a kind that the table does not know.

    Args:
        roles: of the accounts that it was posted to, which tell the lines of one kind apart.
    """
    lines = [rule for rule in RULES if rule.kind == kind]
    fitting = [rule for rule in lines if {leg.role for leg in rule.legs} == set(roles)]
    return next(iter(fitting or lines), None)
