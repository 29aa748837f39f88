"""The bank: accounts, statements, entries, and what persons decide about them."""

from __future__ import annotations

from alembic import op

from services.reconciliation.migrations import ddl_bank

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables, and find the rows of a payout."""
    for statement in ddl_bank.STATEMENTS_V1:
        op.execute(statement)
