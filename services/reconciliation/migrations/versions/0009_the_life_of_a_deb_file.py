"""DEB files wait for a person, are held, released, undone and booked anew; rows without ids."""

from __future__ import annotations

from alembic import op

from services.reconciliation.migrations import ddl_life

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what the life of a file needs, and the counts that undoing adds to."""
    for statement in ddl_life.STATEMENTS_V1:
        op.execute(statement)
