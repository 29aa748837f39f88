"""The audit log says what an edit changed."""

from __future__ import annotations

from alembic import op

from shared.web.schema import WEB_TABLES_V2

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns."""
    for statement in WEB_TABLES_V2:
        op.execute(statement)
