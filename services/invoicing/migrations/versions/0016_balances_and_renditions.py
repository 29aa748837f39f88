"""Indexes for lists by balance and from a day on, and documents that are written anew.

What is settled is most of a practice's invoices and comes first: without the index, the first page
of the invoices that somebody still owes reads all of it; and so does that of the last months.

A document never changes. Where a contract demands another version, the new document stands beside
the one of the issue. Of invoices that are known already nobody noted the version.
"""

from __future__ import annotations

from alembic import op

from shared.db.rls import append_only_ddl, practice_scope_ddl

revision = "0016"
down_revision = "0014"
branch_labels = None
depends_on = None

RUNTIME_ROLE = "invoicing"

_STATEMENTS = (
    # Its condition is the one that the list's filter writes.
    """CREATE INDEX invoice_with_balance ON invoice (practice_id, year, serial)
  WHERE (principal_rappen + reminder_fees_rappen + interest_rappen + costs_rappen) <> 0""",
    # The former index by day is the beginning of this one.
    "CREATE INDEX invoice_by_day_and_number ON invoice (practice_id, issued_on, year, serial)",
    "DROP INDEX invoice_by_day",
    """ALTER TABLE invoice ADD COLUMN document_format text
  CONSTRAINT invoice_document_format CHECK (document_format IN ('4.5', '5.0'))""",
    """CREATE TABLE invoice_rendition (
  practice_id uuid NOT NULL,
  invoice_id uuid NOT NULL,
  place integer NOT NULL CONSTRAINT invoice_rendition_place_counts CHECK (place >= 1),
  document_key text NOT NULL,
  document_sha256 text NOT NULL
    CONSTRAINT invoice_rendition_hash CHECK (document_sha256 ~ '^[0-9a-f]{64}$'),
  document_size_bytes bigint NOT NULL
    CONSTRAINT invoice_rendition_size CHECK (document_size_bytes > 0),
  document_media_type text NOT NULL,
  document_format text NOT NULL
    CONSTRAINT invoice_rendition_format CHECK (document_format IN ('4.5', '5.0')),
  rendered_at timestamptz NOT NULL,
  rendered_by text NOT NULL,
  PRIMARY KEY (practice_id, invoice_id, place),
  CONSTRAINT invoice_rendition_invoice FOREIGN KEY (practice_id, invoice_id) REFERENCES invoice
)""",
    *practice_scope_ddl("invoice_rendition"),
    *append_only_ddl("invoice_rendition", role=RUNTIME_ROLE),
)


def upgrade() -> None:
    """Add the indexes, the column and the table."""
    for statement in _STATEMENTS:
        op.execute(statement)
