"""The invoice format that a contract wants, which its packages say.

Contracts known before stand as 5.0 until they are told of again.
"""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.execute(
        "ALTER TABLE contract ADD COLUMN invoice_format text NOT NULL DEFAULT '5.0'"
        " CONSTRAINT contract_invoice_format CHECK (invoice_format IN ('4.5', '5.0'))"
    )
