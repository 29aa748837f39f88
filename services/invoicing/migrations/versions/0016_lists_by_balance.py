"""An index for lists of invoices with a balance.

What is settled is most of a practice's invoices and comes first: without it, the first page of the
invoices that somebody still owes reads all of it.
"""

from __future__ import annotations

from alembic import op

revision = "0016"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the index; its condition is the one that the list's filter writes."""
    op.execute(
        "CREATE INDEX invoice_with_balance ON invoice (practice_id, year, serial)"
        " WHERE (principal_rappen + reminder_fees_rappen + interest_rappen + costs_rappen) <> 0"
    )
