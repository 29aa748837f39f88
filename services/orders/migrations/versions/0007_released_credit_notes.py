"""Orders: credit notes without the factor, numbers on documents, lines that were set aside."""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

RUNTIME_ROLE = "orders"

_STATEMENTS = (
    "ALTER TABLE credit_note ADD COLUMN released_on date",
    "ALTER TABLE credit_note ADD COLUMN settled boolean NOT NULL DEFAULT false",
    # What was released goes into no order any more, and only what was released is settled here.
    """ALTER TABLE credit_note ADD CONSTRAINT credit_note_released_from_orders
  CHECK (released_on IS NULL OR order_id IS NULL)""",
    """ALTER TABLE credit_note ADD CONSTRAINT credit_note_settled_after_release
  CHECK (NOT settled OR released_on IS NOT NULL)""",
    "CREATE INDEX credit_note_by_invoice ON credit_note (practice_id, invoice_id)",
    f"GRANT UPDATE (released_on, settled) ON credit_note TO {RUNTIME_ROLE}",
    'ALTER TABLE invoice ADD COLUMN document_number text COLLATE "C"',
    "ALTER TABLE order_line ADD COLUMN set_aside boolean NOT NULL DEFAULT false",
    f"GRANT UPDATE (set_aside) ON order_line TO {RUNTIME_ROLE}",
)


def upgrade() -> None:
    """Add the columns."""
    for statement in _STATEMENTS:
        op.execute(statement)
