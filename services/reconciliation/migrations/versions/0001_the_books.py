"""The books: chart, confirmations, journal, positions, DEB files and rows."""

from __future__ import annotations

from alembic import op

from services.reconciliation.migrations import ddl_books, ddl_deb
from shared.messaging.schema import MESSAGING_TABLES_V1
from shared.web.schema import WEB_TABLES_V1

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create every table of the service; constraints carry the promises P1, P4, P5 and P6."""
    for statement in (
        *MESSAGING_TABLES_V1,
        *WEB_TABLES_V1,
        *ddl_books.STATEMENTS_V1,
        *ddl_deb.STATEMENTS_V1,
    ):
        op.execute(statement)
