"""Rows that were parked before the books knew better come back, in the order of their files."""

from __future__ import annotations

from alembic import op

from services.reconciliation.migrations import ddl_deb

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Give files their turn, and let counts add up in every state that has any."""
    for statement in ddl_deb.STATEMENTS_V2:
        op.execute(statement)
