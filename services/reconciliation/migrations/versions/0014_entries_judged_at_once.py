"""Entries are judged once per statement, behind their postings: the same rules at less cost."""

from __future__ import annotations

from alembic import op

from services.reconciliation.migrations import ddl_books

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Put off two foreign keys to the transaction's end; replace the two triggers on entries."""
    for statement in ddl_books.STATEMENTS_V4:
        op.execute(statement)
