"""The order in which a debtor's payment settles what is owed is a term of the contract."""

from __future__ import annotations

from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Every contract keeps the order that held until now."""
    op.execute(
        """ALTER TABLE contract ADD COLUMN payment_order text NOT NULL
  DEFAULT 'costs,interest,reminder_fees,principal'
  CONSTRAINT contract_payment_order_whole CHECK (
    cardinality(string_to_array(payment_order, ',')) = 4
    AND string_to_array(payment_order, ',')
      @> ARRAY['costs', 'interest', 'reminder_fees', 'principal'])"""
    )
