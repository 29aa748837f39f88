"""A payout moves with what its reversals name, and once per statement of the bank."""

from __future__ import annotations

from alembic import op

from services.reconciliation.migrations import ddl_payout_sums

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Keep the sums by triggers that know other files and whole statements; make them anew."""
    for statement in ddl_payout_sums.STATEMENTS_V1:
        op.execute(statement)
