"""References of the books are judged once per statement: the same rules at less cost."""

from __future__ import annotations

from alembic import op

from services.reconciliation.migrations import ddl_entries, ddl_references

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Replace foreign keys between rows that are never removed, and an index by a stricter rule."""
    for statement in (*ddl_references.STATEMENTS_V1, *ddl_entries.STATEMENTS_V1):
        op.execute(statement)
