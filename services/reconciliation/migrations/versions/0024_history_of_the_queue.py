"""Why files were held and when things ended, and how much is at stake: for the one queue."""

from __future__ import annotations

from alembic import op

from services.reconciliation.migrations import ddl_queue_facts

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables and columns, and keep what is there."""
    for statement in ddl_queue_facts.STATEMENTS_V1:
        op.execute(statement)
