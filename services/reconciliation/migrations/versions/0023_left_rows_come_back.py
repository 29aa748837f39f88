"""A parked row that was left can be put back, and decided again; no decision is ever changed."""

from __future__ import annotations

from alembic import op

from services.reconciliation.migrations import ddl_reopening

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Count each row's decisions, and say which one holds."""
    for statement in ddl_reopening.STATEMENTS_V1:
        op.execute(statement)
