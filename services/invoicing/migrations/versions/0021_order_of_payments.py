"""The order in which a debtor's payment settles what is owed is a term of the contract."""

from __future__ import annotations

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_COMPONENTS = "ARRAY['costs', 'interest', 'reminder_fees', 'principal']"


def upgrade() -> None:
    """Every contract keeps the order that held until now."""
    op.execute(
        f"""ALTER TABLE contract ADD COLUMN payment_order text[] NOT NULL DEFAULT {_COMPONENTS}
  CONSTRAINT contract_payment_order_whole CHECK (
    cardinality(payment_order) = 4 AND payment_order @> {_COMPONENTS})"""
    )
