"""The country of every address; those that were known until now are in Switzerland.

Where nobody knows an address its columns are empty, and the country beside them says nothing.
"""

from __future__ import annotations

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_COLUMNS = (
    ("practice", "country"),
    ("contract", "factor_country"),
    ("patient", "country"),
    ("patient", "debtor_country"),
    ("invoice", "insurer_country"),
)


def upgrade() -> None:
    """Add the columns."""
    for table, column in _COLUMNS:
        op.execute(
            f"ALTER TABLE {table} ADD COLUMN {column} text NOT NULL DEFAULT 'CH'"
            f" CONSTRAINT {table}_{column} CHECK ({column} ~ '^[A-Z]{{2}}$')"
        )
