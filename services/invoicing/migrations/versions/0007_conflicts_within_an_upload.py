"""A conflict may be over an invoice that the same upload brings, and that is kept after it."""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Look for the invoice at the end of the transaction."""
    op.execute(
        "ALTER TABLE import_conflict"
        " ALTER CONSTRAINT import_conflict_invoice DEFERRABLE INITIALLY DEFERRED"
    )
