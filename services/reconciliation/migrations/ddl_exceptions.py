"""DDL of the lines that an acquittal sets aside, version 1.

Neither the line nor what a person decides about it is ever changed. Its foreign key to an accepted
confirmation line is the same as that of an acquittal.
"""

from __future__ import annotations

from services.reconciliation.migrations.ddl_books import RUNTIME_ROLE
from shared.db.rls import append_only_ddl, practice_scope_ddl

_TABLES = ("acquittal_exception", "acquittal_exception_decision")

STATEMENTS_V1: tuple[str, ...] = (
    """CREATE TABLE acquittal_exception (
  exception_id uuid CONSTRAINT acquittal_exception_pk PRIMARY KEY,
  place bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT acquittal_exception_place UNIQUE,
  practice_id uuid NOT NULL,
  order_id uuid NOT NULL,
  invoice_id uuid NOT NULL,
  accepted boolean NOT NULL DEFAULT true
    CONSTRAINT acquittal_exception_of_accepted_only CHECK (accepted),
  reason_code text NOT NULL CONSTRAINT acquittal_exception_reason_known CHECK (reason_code IN (
    'invoice-cancelled', 'invoice-already-acquitted', 'confirmed-amount-differs',
    'cancelled-with-factor')),
  confirmed_rappen bigint NOT NULL,
  open_rappen bigint NOT NULL,
  found_at timestamptz NOT NULL,
  CONSTRAINT acquittal_exception_of_practice UNIQUE (practice_id, exception_id),
  CONSTRAINT acquittal_exception_once UNIQUE (order_id, invoice_id, reason_code),
  CONSTRAINT acquittal_exception_confirmation_fk
    FOREIGN KEY (practice_id, order_id, invoice_id, accepted)
    REFERENCES confirmation_line (practice_id, order_id, invoice_id, accepted)
)""",
    "CREATE INDEX acquittal_exception_by_place ON acquittal_exception (practice_id, place)",
    """CREATE TABLE acquittal_exception_decision (
  exception_id uuid CONSTRAINT acquittal_exception_decision_pk PRIMARY KEY,
  practice_id uuid NOT NULL,
  decision text NOT NULL CONSTRAINT acquittal_exception_decision_known
    CHECK (decision IN ('acquit', 'leave')),
  reason text NOT NULL
    CONSTRAINT acquittal_exception_decision_has_a_reason CHECK (reason <> ''),
  decided_by text NOT NULL
    CONSTRAINT acquittal_exception_decision_has_a_name CHECK (decided_by <> ''),
  decided_at timestamptz NOT NULL,
  CONSTRAINT acquittal_exception_decision_fk FOREIGN KEY (practice_id, exception_id)
    REFERENCES acquittal_exception (practice_id, exception_id)
)""",
    *(statement for table in _TABLES for statement in practice_scope_ddl(table)),
    *(statement for table in _TABLES for statement in append_only_ddl(table, role=RUNTIME_ROLE)),
)
"""Statements of version 1, in order. A change comes as STATEMENTS_V2, never as an edit."""
