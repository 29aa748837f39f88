"""The version of a provider, which counts its edits."""

from __future__ import annotations

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; providers so far were never edited."""
    op.execute(
        "ALTER TABLE provider ADD COLUMN version integer NOT NULL DEFAULT 1"
        " CONSTRAINT provider_version_counts CHECK (version >= 1)"
    )
