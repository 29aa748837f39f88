"""The journal can be read by day: an export goes through it in that order, batch by batch."""

from __future__ import annotations

from alembic import op

from services.reconciliation.migrations import ddl_books

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the index."""
    for statement in ddl_books.STATEMENTS_V3:
        op.execute(statement)
