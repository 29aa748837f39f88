"""The version of the official format that an invoice's document is in; notices of a policy.

A contract that never changed demands what it always did, so the documents of its invoices are in
that version. Of others nobody told it; they go into orders as they did.
"""

from __future__ import annotations

from alembic import op

revision = "0013"
down_revision = "0011"
branch_labels = None
depends_on = None

_STATEMENTS = (
    """ALTER TABLE invoice ADD COLUMN document_format text
  CONSTRAINT invoice_document_format CHECK (document_format IN ('4.5', '5.0'))""",
    "ALTER TABLE order_policy ADD COLUMN notices jsonb NOT NULL DEFAULT '[]'",
    "SELECT set_config('quittance.system', 'on', true)",
    """UPDATE invoice SET document_format = contract.invoice_format
  FROM contract
  WHERE contract.practice_id = invoice.practice_id
    AND contract.contract_id = invoice.contract_id AND contract.version = 1""",
    "SELECT set_config('quittance.system', 'off', true)",
)


def upgrade() -> None:
    """Add the columns, and fill in what is certain."""
    for statement in _STATEMENTS:
        op.execute(statement)
