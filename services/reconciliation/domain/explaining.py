"""Says which line of the posting table stands behind a booked fact."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from services.reconciliation.domain.accounts import AccountRole
from services.reconciliation.domain.rules import RULES, Rule
from shared.kernel.ids import derived_id


def rule_behind(kind: str, roles: Collection[AccountRole]) -> Rule | None:
    """Return the rule by which a fact was booked; None for a kind that the table does not know.

    Args:
        roles: of the accounts that it was posted to, which tell the lines of one kind apart.
    """
    lines = [rule for rule in RULES if rule.kind == kind]
    fitting = [rule for rule in lines if {leg.role for leg in rule.legs} == set(roles)]
    return next(iter(fitting or lines), None)


def told_decision(kind: str, row_id: UUID, *, before: int) -> UUID:
    """Return the id of the fact that tells what a person decided about a row.

    Args:
        kind: ROW_LEFT or ROW_REOPENED.
        before: how many decisions about the row there were before this one.
    """
    return derived_id(kind.replace("_", "-"), row_id, *((before,) if before else ()))
