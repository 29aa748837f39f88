"""Persons decide about parked rows, once, by name and with a reason."""

from __future__ import annotations

from alembic import op

from services.reconciliation.migrations import ddl_decisions

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Give parked rows an id, and keep the decisions."""
    for statement in ddl_decisions.STATEMENTS_V1:
        op.execute(statement)
