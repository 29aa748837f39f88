"""Lines that the books cannot acquit are set aside; numbers on documents name invoices."""

from __future__ import annotations

from alembic import op

from services.reconciliation.migrations import ddl_exceptions

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_NUMBERS_ON_DOCUMENTS = (
    "ALTER TABLE invoice_position ADD COLUMN document_number text",
    """CREATE INDEX invoice_position_by_document_number
  ON invoice_position (practice_id, document_number) WHERE document_number IS NOT NULL""",
)


def upgrade() -> None:
    """Keep what an acquittal sets aside, and the numbers that documents carry."""
    for statement in (*ddl_exceptions.STATEMENTS_V1, *_NUMBERS_ON_DOCUMENTS):
        op.execute(statement)
