"""DDL of DEB files, their rows, and the facts that explain every position, version 1.

P4: a record id is booked once per contract, by a unique index. P5: a booked file's rows are booked,
repeats or parked, by a check. What a row said can never be changed afterwards.
"""

from __future__ import annotations

from services.reconciliation.migrations.ddl_books import RUNTIME_ROLE
from shared.db.rls import append_only_ddl, practice_scope_ddl

_FILES = (
    """CREATE TABLE deb_file (
  deb_file_id uuid CONSTRAINT deb_file_pk PRIMARY KEY,
  practice_id uuid NOT NULL,
  contract_id uuid NOT NULL,
  portal_file_id text NOT NULL,
  layout text NOT NULL,
  content_key text NOT NULL,
  content_sha256 text NOT NULL,
  content_size_bytes bigint NOT NULL,
  content_media_type text NOT NULL,
  fetched_at timestamptz NOT NULL,
  received_at timestamptz NOT NULL,
  arrival bigint GENERATED ALWAYS AS IDENTITY,
  status text NOT NULL DEFAULT 'fetched' CONSTRAINT deb_file_status_known
    CHECK (status IN ('fetched', 'staged', 'booked', 'held')),
  file_id text,
  previous_file_id text,
  created_on date,
  reason_code text,
  reason_line integer,
  reason_detail text,
  rows_read integer,
  booked integer,
  repeats integer,
  parked integer,
  finished_at timestamptz,
  lease_token uuid,
  lease_until timestamptz,
  attempts integer NOT NULL DEFAULT 0,
  next_attempt_at timestamptz NOT NULL,
  waits_because text,
  correlation_id text NOT NULL,
  causation_id text,
  CONSTRAINT deb_file_bytes_once UNIQUE (practice_id, content_sha256),
  CONSTRAINT deb_file_of_practice UNIQUE (practice_id, deb_file_id),
  CONSTRAINT deb_file_contract_fk FOREIGN KEY (practice_id, contract_id)
    REFERENCES contract (practice_id, contract_id),
  CONSTRAINT deb_file_held_for_a_reason CHECK ((status = 'held') = (reason_code IS NOT NULL)),
  CONSTRAINT deb_file_staged_with_header CHECK (
    status NOT IN ('staged', 'booked')
    OR (file_id IS NOT NULL AND created_on IS NOT NULL AND rows_read IS NOT NULL)),
  CONSTRAINT deb_file_rows_add_up CHECK (
    status <> 'booked' OR rows_read = coalesce(booked, -1) + coalesce(repeats, -1)
      + coalesce(parked, -1))
)""",
    """CREATE UNIQUE INDEX deb_file_id_booked_once ON deb_file (contract_id, file_id)
  WHERE status IN ('staged', 'booked')""",
    """CREATE INDEX deb_file_open ON deb_file (practice_id, arrival)
  WHERE status IN ('fetched', 'staged')""",
    """CREATE TABLE deb_file_delivery (
  deb_file_id uuid NOT NULL,
  delivery bigint GENERATED ALWAYS AS IDENTITY,
  practice_id uuid NOT NULL,
  portal_file_id text NOT NULL,
  fetched_at timestamptz NOT NULL,
  received_at timestamptz NOT NULL,
  CONSTRAINT deb_file_delivery_pk PRIMARY KEY (deb_file_id, delivery),
  CONSTRAINT deb_file_delivery_file_fk FOREIGN KEY (practice_id, deb_file_id)
    REFERENCES deb_file (practice_id, deb_file_id)
)""",
)

_ROWS = (
    """CREATE TABLE deb_row (
  deb_file_id uuid NOT NULL,
  line integer NOT NULL,
  practice_id uuid NOT NULL,
  contract_id uuid NOT NULL,
  raw bytea NOT NULL,
  booking_rank smallint NOT NULL,
  content_sha256 text NOT NULL,
  record_id text,
  kind text,
  invoice_number text,
  order_number text,
  debtor_number text,
  event_date date,
  value_date date,
  amount_rappen bigint,
  currency text,
  payout_reference text,
  beneficiary text,
  level integer,
  note text,
  problem_reason text,
  problem_column integer,
  problem_field text,
  status text NOT NULL DEFAULT 'staged' CONSTRAINT deb_row_status_known
    CHECK (status IN ('staged', 'booked', 'repeat', 'parked')),
  invoice_id uuid,
  fact_id uuid CONSTRAINT deb_row_fact_once UNIQUE,
  repeat_of_file uuid,
  repeat_of_line integer,
  reason_code text,
  reason_detail text,
  decided_at timestamptz,
  CONSTRAINT deb_row_pk PRIMARY KEY (deb_file_id, line),
  CONSTRAINT deb_row_of_practice UNIQUE (practice_id, deb_file_id, line),
  CONSTRAINT deb_row_file_fk FOREIGN KEY (practice_id, deb_file_id)
    REFERENCES deb_file (practice_id, deb_file_id),
  CONSTRAINT deb_row_repeat_fk FOREIGN KEY (practice_id, repeat_of_file, repeat_of_line)
    REFERENCES deb_row (practice_id, deb_file_id, line),
  CONSTRAINT deb_row_booked_as_a_fact CHECK (
    (status = 'booked') = (fact_id IS NOT NULL) AND (status <> 'booked' OR record_id IS NOT NULL)),
  CONSTRAINT deb_row_repeats_a_row CHECK ((status = 'repeat') = (repeat_of_line IS NOT NULL)),
  CONSTRAINT deb_row_parked_for_a_reason CHECK ((status = 'parked') = (reason_code IS NOT NULL))
)""",
    """CREATE UNIQUE INDEX deb_row_booked_once ON deb_row (practice_id, contract_id, record_id)
  WHERE status = 'booked'""",
    """CREATE INDEX deb_row_undecided ON deb_row (deb_file_id, booking_rank, line)
  WHERE status = 'staged'""",
    """CREATE INDEX deb_row_parked ON deb_row (practice_id, deb_file_id, line)
  WHERE status = 'parked'""",
    """CREATE INDEX deb_row_payout ON deb_row (practice_id, payout_reference)
  WHERE payout_reference IS NOT NULL""",
)

_FACTS = (
    """CREATE TABLE position_fact (
  fact_id uuid CONSTRAINT position_fact_pk PRIMARY KEY,
  place bigint GENERATED ALWAYS AS IDENTITY,
  practice_id uuid NOT NULL,
  invoice_id uuid NOT NULL,
  kind text NOT NULL,
  fact_date date NOT NULL,
  amount_rappen bigint,
  principal_rappen bigint NOT NULL,
  reminder_fees_rappen bigint NOT NULL,
  interest_rappen bigint NOT NULL,
  costs_rappen bigint NOT NULL,
  factor_owes_rappen bigint NOT NULL,
  entry_id uuid,
  order_id uuid,
  deb_file_id uuid,
  deb_line integer,
  note text NOT NULL,
  CONSTRAINT position_fact_invoice_fk FOREIGN KEY (practice_id, invoice_id)
    REFERENCES invoice_position (practice_id, invoice_id),
  CONSTRAINT position_fact_entry_fk FOREIGN KEY (practice_id, entry_id)
    REFERENCES journal_entry (practice_id, entry_id),
  CONSTRAINT position_fact_row_fk FOREIGN KEY (practice_id, deb_file_id, deb_line)
    REFERENCES deb_row (practice_id, deb_file_id, line),
  CONSTRAINT position_fact_row_once UNIQUE (deb_file_id, deb_line)
)""",
    "CREATE INDEX position_fact_invoice ON position_fact (invoice_id, place)",
    """ALTER TABLE deb_row ADD CONSTRAINT deb_row_fact_fk FOREIGN KEY (fact_id)
  REFERENCES position_fact (fact_id)""",
    """ALTER TABLE journal_entry ADD CONSTRAINT journal_entry_row_fk
  FOREIGN KEY (practice_id, deb_file_id, deb_line)
  REFERENCES deb_row (practice_id, deb_file_id, line)""",
)

_PRIVILEGES = (
    f'REVOKE UPDATE, DELETE, TRUNCATE ON deb_file, deb_row FROM "{RUNTIME_ROLE}"',
    f"""GRANT UPDATE (status, invoice_id, fact_id, repeat_of_file, repeat_of_line, reason_code,
  reason_detail, decided_at) ON deb_row TO "{RUNTIME_ROLE}\"""",
    f"""GRANT UPDATE (status, file_id, previous_file_id, created_on, reason_code, reason_line,
  reason_detail, rows_read, booked, repeats, parked, finished_at, lease_token, lease_until,
  attempts, next_attempt_at, waits_because) ON deb_file TO "{RUNTIME_ROLE}\"""",
)

STATEMENTS_V1: tuple[str, ...] = (
    *_FILES,
    *_ROWS,
    *_FACTS,
    *(
        statement
        for table in ("deb_file", "deb_file_delivery", "deb_row", "position_fact")
        for statement in practice_scope_ddl(table)
    ),
    *(
        statement
        for table in ("deb_file_delivery", "position_fact")
        for statement in append_only_ddl(table, role=RUNTIME_ROLE)
    ),
    *_PRIVILEGES,
)
"""Statements of version 1, in order. A change comes as STATEMENTS_V2, never as an edit."""

STATEMENTS_V2: tuple[str, ...] = (
    # Rows come back when the books learn more; their files are then booked in the order in which
    # they were staged, which need not be the order of arrival.
    "CREATE SEQUENCE deb_file_turn",
    f'GRANT USAGE ON SEQUENCE deb_file_turn TO "{RUNTIME_ROLE}"',
    "ALTER TABLE deb_file ADD COLUMN turn bigint",
    "SELECT set_config('quittance.system', 'on', true)",
    """UPDATE deb_file f SET turn = placed.turn
  FROM (SELECT deb_file_id, row_number() OVER (ORDER BY finished_at NULLS LAST, arrival) AS turn
        FROM deb_file WHERE status IN ('staged', 'booked')) AS placed
  WHERE f.deb_file_id = placed.deb_file_id""",
    "SELECT setval('deb_file_turn', (SELECT coalesce(max(turn), 0) + 1 FROM deb_file), false)",
    "SELECT set_config('quittance.system', '', true)",
    """ALTER TABLE deb_file
  DROP CONSTRAINT deb_file_rows_add_up,
  ADD CONSTRAINT deb_file_rows_add_up CHECK (CASE
    WHEN num_nonnulls(booked, repeats, parked) = 0 THEN status <> 'booked'
    ELSE coalesce(rows_read = booked + repeats + parked, false) END),
  ADD CONSTRAINT deb_file_staged_in_turn CHECK (
    status NOT IN ('staged', 'booked') OR turn IS NOT NULL)""",
    "CREATE INDEX deb_file_turns ON deb_file (practice_id, turn) WHERE status = 'staged'",
    """CREATE INDEX deb_row_parked_by_number ON deb_row (practice_id, invoice_number)
  WHERE status = 'parked'""",
    """CREATE INDEX deb_row_parked_by_invoice ON deb_row (practice_id, invoice_id)
  WHERE status = 'parked'""",
    """CREATE INDEX deb_row_parked_by_order ON deb_row (practice_id, order_number)
  WHERE status = 'parked' AND invoice_number IS NULL""",
    f'GRANT UPDATE (turn, content_key) ON deb_file TO "{RUNTIME_ROLE}"',
)
"""Version 2: parked rows may be resumed; counts add up whenever there are any."""
