"""Postings are judged once per statement, no longer once per row: the same rule, at less cost."""

from __future__ import annotations

from alembic import op

from services.reconciliation.migrations import ddl_books

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Replace the trigger of P6 on postings."""
    for statement in ddl_books.STATEMENTS_V2:
        op.execute(statement)
