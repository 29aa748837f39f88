"""Files of layouts without a header have no id: what is staged must have a date and a count."""

from __future__ import annotations

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Let a staged file have no id of the factor's."""
    op.execute("ALTER TABLE deb_file DROP CONSTRAINT deb_file_staged_with_header")
    op.execute(
        "ALTER TABLE deb_file ADD CONSTRAINT deb_file_staged_with_header CHECK ("
        " status NOT IN ('staged', 'booked')"
        " OR (created_on IS NOT NULL AND rows_read IS NOT NULL)) NOT VALID"
    )
    op.execute("ALTER TABLE deb_file VALIDATE CONSTRAINT deb_file_staged_with_header")
