"""DDL of the life of a DEB file: review, holding by a person, undoing, booking anew, version 1.

P4: a row without record id is booked once under its content and its occurrence; what was undone may
be booked again, for each fact is reversed or undone once per round. P5: read = booked + repeats +
parked + undone, whatever the state. What persons decided can never be changed afterwards.
"""

from __future__ import annotations

from services.reconciliation.migrations.ddl_books import RUNTIME_ROLE
from shared.db.rls import append_only_ddl, practice_scope_ddl

_CONTRACT = (
    """ALTER TABLE contract ADD COLUMN deb_booking text NOT NULL DEFAULT 'automatic'
  CONSTRAINT contract_deb_booking_known CHECK (deb_booking IN ('automatic', 'review'))""",
)

_FILES = (
    """ALTER TABLE deb_file
  ADD COLUMN review text CONSTRAINT deb_file_review_known CHECK (review IN ('awaited', 'given')),
  ADD COLUMN sequence_accepted boolean NOT NULL DEFAULT false,
  ADD COLUMN anew_of uuid CONSTRAINT deb_file_anew_once UNIQUE
    CONSTRAINT deb_file_anew_fk REFERENCES deb_file (deb_file_id),
  ADD COLUMN is_replaced boolean NOT NULL DEFAULT false,
  ADD COLUMN undone integer NOT NULL DEFAULT 0,
  ADD COLUMN undo_id uuid,
  DROP CONSTRAINT deb_file_status_known,
  ADD CONSTRAINT deb_file_status_known CHECK (status IN (
    'fetched', 'staged', 'booked', 'held', 'undoing', 'undone', 'partly-undone')),
  DROP CONSTRAINT deb_file_rows_add_up,
  ADD CONSTRAINT deb_file_rows_add_up CHECK (CASE
    WHEN num_nonnulls(booked, repeats, parked) = 0
      THEN status NOT IN ('booked', 'undoing', 'undone', 'partly-undone') AND undone = 0
    ELSE coalesce(rows_read = booked + repeats + parked + undone, false) END),
  ADD CONSTRAINT deb_file_undone_whole CHECK (status <> 'undone' OR booked = 0),
  ADD CONSTRAINT deb_file_undone_by_somebody CHECK (
    status NOT IN ('undoing', 'undone', 'partly-undone') OR undo_id IS NOT NULL),
  DROP CONSTRAINT deb_file_bytes_once""",
    # A file that was undone may be booked anew by a person; then the new one stands for the bytes.
    """CREATE UNIQUE INDEX deb_file_bytes_once ON deb_file (practice_id, content_sha256)
  WHERE NOT is_replaced""",
    "DROP INDEX deb_file_open",
    """CREATE INDEX deb_file_open ON deb_file (practice_id, arrival)
  WHERE status IN ('fetched', 'staged', 'undoing')""",
    f"""GRANT UPDATE (review, sequence_accepted, is_replaced, undone, undo_id, layout)
  ON deb_file TO "{RUNTIME_ROLE}\"""",
)

_ROWS = (
    """ALTER TABLE deb_row
  ADD COLUMN occurrence integer,
  ADD COLUMN kept_by uuid,
  DROP CONSTRAINT deb_row_status_known,
  ADD CONSTRAINT deb_row_status_known
    CHECK (status IN ('staged', 'booked', 'repeat', 'parked', 'undone')),
  DROP CONSTRAINT deb_row_booked_as_a_fact,
  ADD CONSTRAINT deb_row_booked_as_a_fact CHECK (CASE status
    WHEN 'booked' THEN fact_id IS NOT NULL AND num_nonnulls(record_id, occurrence) = 1
    WHEN 'undone' THEN true
    ELSE fact_id IS NULL END)""",
    f'GRANT UPDATE (kept_by) ON deb_row TO "{RUNTIME_ROLE}"',
    """CREATE UNIQUE INDEX deb_row_content_booked_once
  ON deb_row (practice_id, contract_id, content_sha256, occurrence)
  WHERE status = 'booked' AND record_id IS NULL""",
    """CREATE INDEX deb_row_alike ON deb_row (deb_file_id, content_sha256)
  WHERE record_id IS NULL""",
    """CREATE INDEX deb_row_parked_conflict ON deb_row (contract_id, record_id)
  WHERE status = 'parked' AND reason_code = 'conflicting-record'""",
    """CREATE INDEX deb_row_repeats_of ON deb_row (repeat_of_file, repeat_of_line)
  WHERE repeat_of_file IS NOT NULL""",
    # A held file may be read again under another layout; no row of it was ever judged.
    # With the owner's rights, for the runtime role can remove no row; the scope holds for both.
    """CREATE FUNCTION drop_held_rows(held_file uuid) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path FROM CURRENT AS $$
  DELETE FROM deb_row r USING deb_file f
  WHERE r.deb_file_id = held_file AND r.status = 'staged'
    AND f.deb_file_id = r.deb_file_id AND f.status = 'held'
$$""",
    "REVOKE EXECUTE ON FUNCTION drop_held_rows(uuid) FROM PUBLIC",
    f'GRANT EXECUTE ON FUNCTION drop_held_rows(uuid) TO "{RUNTIME_ROLE}"',
)

_FACTS = (
    """ALTER TABLE position_fact
  ADD COLUMN reversal_round integer NOT NULL DEFAULT 0,
  DROP CONSTRAINT position_fact_reversed_once,
  ADD CONSTRAINT position_fact_reversed_once UNIQUE (reverses, reversal_round),
  DROP CONSTRAINT position_fact_reversal_names_a_fact,
  ADD CONSTRAINT position_fact_reversal_names_a_fact CHECK (
    (kind IN ('reversal', 'undo')) = (reverses IS NOT NULL)),
  DROP CONSTRAINT position_fact_about_an_invoice,
  ADD CONSTRAINT position_fact_about_an_invoice CHECK (
    invoice_id IS NOT NULL OR (kind IN ('account_movement', 'reversal', 'undo')
      AND (principal_rappen, reminder_fees_rappen, interest_rappen, costs_rappen,
           factor_owes_rappen) = (0, 0, 0, 0, 0))),
  DROP CONSTRAINT position_fact_row_once""",
    """CREATE UNIQUE INDEX position_fact_row_once ON position_fact (deb_file_id, deb_line)
  WHERE kind <> 'undo'""",
)

_DECISIONS = (
    """CREATE TABLE deb_file_decision (
  decision_id uuid CONSTRAINT deb_file_decision_pk PRIMARY KEY,
  place bigint GENERATED ALWAYS AS IDENTITY,
  practice_id uuid NOT NULL,
  deb_file_id uuid NOT NULL,
  decision text NOT NULL CONSTRAINT deb_file_decision_known
    CHECK (decision IN ('book', 'hold', 'release', 'undo', 'book-anew')),
  reason text NOT NULL,
  decided_by text NOT NULL CONSTRAINT deb_file_decision_has_a_name CHECK (decided_by <> ''),
  decided_at timestamptz NOT NULL,
  CONSTRAINT deb_file_decision_has_a_reason CHECK (decision = 'book' OR reason <> ''),
  CONSTRAINT deb_file_decision_file_fk FOREIGN KEY (practice_id, deb_file_id)
    REFERENCES deb_file (practice_id, deb_file_id)
)""",
    "CREATE INDEX deb_file_decision_of ON deb_file_decision (deb_file_id, place)",
    """CREATE TABLE deb_undo_row (
  undo_id uuid NOT NULL
    CONSTRAINT deb_undo_row_undo_fk REFERENCES deb_file_decision (decision_id),
  deb_file_id uuid NOT NULL,
  line integer NOT NULL,
  practice_id uuid NOT NULL,
  contract_id uuid NOT NULL,
  outcome text NOT NULL CONSTRAINT deb_undo_row_outcome_known
    CHECK (outcome IN ('undone', 'kept', 'withdrawn')),
  record_id text,
  content_sha256 text NOT NULL,
  occurrence integer,
  fact_id uuid CONSTRAINT deb_undo_row_fact_fk REFERENCES position_fact (fact_id),
  reason_code text,
  reason_detail text,
  CONSTRAINT deb_undo_row_pk PRIMARY KEY (undo_id, line),
  CONSTRAINT deb_undo_row_row_fk FOREIGN KEY (practice_id, deb_file_id, line)
    REFERENCES deb_row (practice_id, deb_file_id, line),
  CONSTRAINT deb_undo_row_undone_by_a_fact CHECK ((outcome = 'undone') = (fact_id IS NOT NULL)),
  CONSTRAINT deb_undo_row_kept_for_a_reason CHECK (
    outcome <> 'kept' OR num_nonnulls(reason_code, reason_detail) = 2)
)""",
    """CREATE INDEX deb_undo_row_record ON deb_undo_row (contract_id, record_id)
  WHERE outcome = 'undone' AND record_id IS NOT NULL""",
    """CREATE INDEX deb_undo_row_content ON deb_undo_row (contract_id, content_sha256)
  WHERE outcome = 'undone' AND record_id IS NULL""",
    """ALTER TABLE deb_file ADD CONSTRAINT deb_file_undo_fk
  FOREIGN KEY (undo_id) REFERENCES deb_file_decision (decision_id)""",
)

STATEMENTS_V1: tuple[str, ...] = (
    *_CONTRACT,
    *_FILES,
    *_ROWS,
    *_FACTS,
    *_DECISIONS,
    *(
        statement
        for table in ("deb_file_decision", "deb_undo_row")
        for statement in (
            *practice_scope_ddl(table),
            *append_only_ddl(table, role=RUNTIME_ROLE),
        )
    ),
)
"""Statements of version 1, in order. A change comes as STATEMENTS_V2, never as an edit."""
