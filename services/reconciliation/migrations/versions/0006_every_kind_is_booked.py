"""Recourse, reversals and movements of the factor's current account can be booked."""

from __future__ import annotations

from alembic import op

from services.reconciliation.migrations import ddl_kinds

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Open the current account, and let facts be reversed once."""
    for statement in ddl_kinds.STATEMENTS_V1:
        op.execute(statement)
