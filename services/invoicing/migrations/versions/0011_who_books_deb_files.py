"""A contract says whether its DEB files are booked by themselves or after a person's review."""

from __future__ import annotations

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the term; contracts so far go on as they did."""
    op.execute(
        "ALTER TABLE contract ADD COLUMN deb_booking text NOT NULL DEFAULT 'automatic'"
        " CONSTRAINT contract_deb_booking_known CHECK (deb_booking IN ('automatic', 'review'))"
    )
