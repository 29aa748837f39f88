"""DDL of the queue of exceptions, version 1.

What is wrong stands in the tables that own the facts. Here is only what other services report, and
what persons add: whose an item is, notes, and that one is closed.
"""

from __future__ import annotations

from services.reconciliation.migrations.ddl_books import RUNTIME_ROLE
from shared.db.rls import append_only_ddl, practice_scope_ddl, practices_scope_ddl

_ITEM = "kind text NOT NULL,\n  key uuid NOT NULL"

STATEMENTS_V1: tuple[str, ...] = (
    # Round 0: only the end is known yet. It is open while its round is beyond those that ended.
    f"""CREATE TABLE reported_exception (
  {_ITEM},
  practice_id uuid NOT NULL,
  round integer NOT NULL DEFAULT 0,
  ended_round integer NOT NULL DEFAULT 0,
  since timestamptz,
  reason_code text,
  detail text,
  contract_id uuid,
  order_id uuid,
  order_number text,
  amount_rappen bigint,
  CONSTRAINT reported_exception_pk PRIMARY KEY (kind, key),
  CONSTRAINT reported_exception_says_what CHECK (
    round = 0 OR num_nonnulls(since, reason_code, detail) = 3)
)""",
    """CREATE INDEX reported_exception_open ON reported_exception (kind, practice_id)
  WHERE round > ended_round""",
    *practice_scope_ddl("reported_exception"),
    f'REVOKE DELETE, TRUNCATE ON reported_exception FROM "{RUNTIME_ROLE}"',
    # Without practices: about a dead letter of which nobody knows whose it is; the system's alone.
    f"""CREATE TABLE exception_desk (
  {_ITEM},
  practice_ids uuid[] CONSTRAINT exception_desk_of_somebody CHECK (cardinality(practice_ids) > 0),
  assignee text,
  closed_at timestamptz,
  CONSTRAINT exception_desk_pk PRIMARY KEY (kind, key)
)""",
    *practices_scope_ddl("exception_desk"),
    f'REVOKE DELETE, TRUNCATE ON exception_desk FROM "{RUNTIME_ROLE}"',
    f"""CREATE TABLE exception_event (
  place bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT exception_event_pk PRIMARY KEY,
  {_ITEM},
  practice_ids uuid[] CONSTRAINT exception_event_of_somebody CHECK (cardinality(practice_ids) > 0),
  event text NOT NULL CONSTRAINT exception_event_known
    CHECK (event IN ('opened', 'assigned', 'noted', 'reopened', 'resolved', 'closed')),
  at timestamptz NOT NULL,
  by_person text,
  why text NOT NULL,
  assignee text,
  CONSTRAINT exception_event_by_somebody CHECK (
    event NOT IN ('assigned', 'noted', 'closed') OR coalesce(by_person, '') <> ''),
  CONSTRAINT exception_event_for_a_reason CHECK (event NOT IN ('noted', 'closed') OR why <> '')
)""",
    "CREATE INDEX exception_event_of ON exception_event (kind, key, place)",
    *practices_scope_ddl("exception_event"),
    *append_only_ddl("exception_event", role=RUNTIME_ROLE),
    # What is in the queue must be found without reading what is not.
    """CREATE INDEX confirmation_line_refused ON confirmation_line (practice_id, invoice_id)
  WHERE NOT accepted""",
    """CREATE INDEX order_confirmation_to_acquit ON order_confirmation (practice_id)
  WHERE acquitted_on IS NULL""",
    "CREATE INDEX deb_file_held ON deb_file (practice_id, arrival) WHERE status = 'held'",
)
"""Statements of version 1, in order. A change comes as STATEMENTS_V2, never as an edit."""
