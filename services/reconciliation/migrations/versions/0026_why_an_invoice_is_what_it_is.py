"""An acquittal keeps the person who decided it; withdrawn rows are found by their invoice."""

from __future__ import annotations

from alembic import op

revision = "0026"
down_revision = "0024"
branch_labels = None
depends_on = None

_STATEMENTS = (
    """ALTER TABLE acquittal
  ADD COLUMN decided_by text CONSTRAINT acquittal_decider_has_a_name CHECK (decided_by <> ''),
  ADD COLUMN decided_at timestamptz,
  ADD CONSTRAINT acquittal_decided_by_somebody CHECK (
    num_nonnulls(decided_by, decided_at) IN (0, 2))""",
    """CREATE INDEX deb_row_undone_by_number ON deb_row (practice_id, invoice_number)
  WHERE status = 'undone'""",
)


def upgrade() -> None:
    """Add the columns, empty for what was acquitted before, and the index."""
    for statement in _STATEMENTS:
        op.execute(statement)
