"""Held files can be discarded or superseded; files that keep failing are set aside, and say so."""

from __future__ import annotations

from alembic import op

from services.reconciliation.migrations import ddl_ending

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Let a file end without being booked, and note since when one fails."""
    for statement in ddl_ending.STATEMENTS_V1:
        op.execute(statement)
