"""The discount of an invoice, the version of a patient, and what an edit changed."""

from __future__ import annotations

from alembic import op

from shared.web.schema import WEB_TABLES_V2

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_STATEMENTS = (
    """ALTER TABLE invoice ADD COLUMN discount_percent numeric(5, 2) NOT NULL DEFAULT 0
  CONSTRAINT invoice_discount_is_a_part CHECK (discount_percent BETWEEN 0 AND 100)""",
    """ALTER TABLE patient ADD COLUMN version integer NOT NULL DEFAULT 1
  CONSTRAINT patient_version_counts CHECK (version >= 1)""",
    *WEB_TABLES_V2,
)


def upgrade() -> None:
    """Add the columns; invoices so far had no discount."""
    for statement in _STATEMENTS:
        op.execute(statement)
