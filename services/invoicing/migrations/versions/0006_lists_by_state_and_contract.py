"""Indexes for lists of one state or one contract.

What waits for an order stands at the end of a practice's numbers, and so do the invoices under its
newest contract: without these, the first page of such a list reads all that come before.
"""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_STATEMENTS = (
    "CREATE INDEX invoice_by_state ON invoice (practice_id, state, year, serial)",
    "CREATE INDEX invoice_by_contract ON invoice (practice_id, contract_id, year, serial)",
)


def upgrade() -> None:
    """Add the indexes."""
    for statement in _STATEMENTS:
        op.execute(statement)
