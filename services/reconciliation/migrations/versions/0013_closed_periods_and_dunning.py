"""Closed periods, and what the dunning brake goes by."""

from __future__ import annotations

from alembic import op

from services.reconciliation.migrations import ddl_periods

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables, and keep entries out of closed periods."""
    for statement in ddl_periods.STATEMENTS_V1:
        op.execute(statement)
