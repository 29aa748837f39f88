"""Payouts kept per bank account, and what the queue of exceptions needs to know besides."""

from __future__ import annotations

from alembic import op

from services.reconciliation.migrations import ddl_payouts

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables, fill them from what is there, and keep them by triggers."""
    for statement in ddl_payouts.STATEMENTS_V1:
        op.execute(statement)
