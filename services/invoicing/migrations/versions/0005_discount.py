"""The discount of an invoice, so that a corrected one can bill the same again."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; invoices so far had none."""
    op.execute(
        """ALTER TABLE invoice ADD COLUMN discount_percent numeric(5, 2) NOT NULL DEFAULT 0
  CONSTRAINT invoice_discount_is_a_part CHECK (discount_percent BETWEEN 0 AND 100)"""
    )


def downgrade() -> None:
    """There is no way back: rows are corrected forward."""
    raise NotImplementedError
