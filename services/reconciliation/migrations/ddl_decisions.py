"""DDL of what persons decide about parked rows, version 1.

A row is decided once, by its primary key; who, when and why can never be changed afterwards.
"""

from __future__ import annotations

from services.reconciliation.migrations.ddl_books import RUNTIME_ROLE
from shared.db.rls import append_only_ddl, practice_scope_ddl

STATEMENTS_V1: tuple[str, ...] = (
    # Only rows that were ever parked have an id of their own; all others are file and line.
    "ALTER TABLE deb_row ADD COLUMN row_id uuid",
    "SELECT set_config('quittance.system', 'on', true)",
    "UPDATE deb_row SET row_id = gen_random_uuid() WHERE status = 'parked'",
    "SELECT set_config('quittance.system', '', true)",
    "CREATE UNIQUE INDEX deb_row_id ON deb_row (row_id) WHERE row_id IS NOT NULL",
    """ALTER TABLE deb_row ADD CONSTRAINT deb_row_parked_has_an_id CHECK (
  status <> 'parked' OR row_id IS NOT NULL)""",
    f'GRANT UPDATE (row_id) ON deb_row TO "{RUNTIME_ROLE}"',
    """CREATE TABLE row_decision (
  row_id uuid CONSTRAINT row_decision_pk PRIMARY KEY,
  practice_id uuid NOT NULL,
  deb_file_id uuid NOT NULL,
  line integer NOT NULL,
  decision text NOT NULL CONSTRAINT row_decision_known
    CHECK (decision IN ('book-on-invoice', 'leave')),
  invoice_id uuid,
  reason text NOT NULL CONSTRAINT row_decision_has_a_reason CHECK (reason <> ''),
  parked_because text NOT NULL,
  decided_by text NOT NULL CONSTRAINT row_decision_has_a_name CHECK (decided_by <> ''),
  decided_at timestamptz NOT NULL,
  CONSTRAINT row_decision_place UNIQUE (deb_file_id, line),
  CONSTRAINT row_decision_names_an_invoice CHECK (
    (decision = 'book-on-invoice') = (invoice_id IS NOT NULL)),
  CONSTRAINT row_decision_row_fk FOREIGN KEY (practice_id, deb_file_id, line)
    REFERENCES deb_row (practice_id, deb_file_id, line),
  CONSTRAINT row_decision_invoice_fk FOREIGN KEY (practice_id, invoice_id)
    REFERENCES invoice_position (practice_id, invoice_id)
)""",
    *practice_scope_ddl("row_decision"),
    *append_only_ddl("row_decision", role=RUNTIME_ROLE),
)
"""Statements of version 1, in order. A change comes as STATEMENTS_V2, never as an edit."""
