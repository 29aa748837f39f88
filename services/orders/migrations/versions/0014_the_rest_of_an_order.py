"""What an order that was taken back for one invoice leaves is prepared anew by itself."""

from __future__ import annotations

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

RUNTIME_ROLE = "orders"

_STATEMENTS = (
    "ALTER TABLE order_line ADD COLUMN wanted_back boolean NOT NULL DEFAULT false",
    f"GRANT UPDATE (wanted_back) ON order_line TO {RUNTIME_ROLE}",
    """ALTER TABLE prepare_task ADD COLUMN instead_of uuid,
  ADD CONSTRAINT prepare_task_instead_of_an_order FOREIGN KEY (practice_id, instead_of)
    REFERENCES orders (practice_id, order_id)""",
)


def upgrade() -> None:
    """Note which invoices an order is taken back for, and which order a task stands in for."""
    for statement in _STATEMENTS:
        op.execute(statement)
