"""Credit notes that were settled without the factor, and files that name a cancelled invoice."""

from __future__ import annotations

from alembic import op

from shared.db.rls import append_only_ddl, practice_scope_ddl

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

RUNTIME_ROLE = "invoicing"

_STATEMENTS = (
    """CREATE TABLE credit_note_settlement (
  practice_id uuid NOT NULL,
  credit_note_id uuid NOT NULL,
  settled_on date NOT NULL,
  PRIMARY KEY (practice_id, credit_note_id),
  CONSTRAINT credit_note_settlement_note FOREIGN KEY (practice_id, credit_note_id)
    REFERENCES credit_note
)""",
    *practice_scope_ddl("credit_note_settlement"),
    *append_only_ddl("credit_note_settlement", role=RUNTIME_ROLE),
    # What was kept of a living invoice says nothing of it once it is cancelled.
    "ALTER TABLE import_conflict ADD COLUMN over_cancelled boolean NOT NULL DEFAULT false",
    "ALTER TABLE import_conflict DROP CONSTRAINT import_conflict_once",
    """ALTER TABLE import_conflict ADD CONSTRAINT import_conflict_once
  UNIQUE (practice_id, invoice_id, document_sha256, over_cancelled)""",
)


def upgrade() -> None:
    """Add the table, and tell the two kinds of conflicts apart."""
    for statement in _STATEMENTS:
        op.execute(statement)
