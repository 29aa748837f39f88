"""One queue of exceptions: what is reported, and what persons add."""

from __future__ import annotations

from alembic import op

from services.reconciliation.migrations import ddl_queue

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables, and find what is open."""
    for statement in ddl_queue.STATEMENTS_V1:
        op.execute(statement)
