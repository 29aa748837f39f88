"""DDL of decisions about parked rows that are taken back, version 1.

Decisions are never changed: another one follows, in a row's own count. `standing_row_decision` is
the one place that says what holds: a row's last decision, unless that reopened it.
"""

from __future__ import annotations

from services.reconciliation.migrations.ddl_books import RUNTIME_ROLE

STATEMENTS_V1: tuple[str, ...] = (
    """ALTER TABLE row_decision
  ADD COLUMN number integer NOT NULL DEFAULT 1
    CONSTRAINT row_decision_number_counts CHECK (number >= 1),
  DROP CONSTRAINT row_decision_pk,
  ADD CONSTRAINT row_decision_pk PRIMARY KEY (row_id, number),
  DROP CONSTRAINT row_decision_place,
  ADD CONSTRAINT row_decision_place UNIQUE (deb_file_id, line, number),
  DROP CONSTRAINT row_decision_known,
  ADD CONSTRAINT row_decision_known CHECK (decision IN ('book-on-invoice', 'leave', 'reopen'))""",
    "ALTER TABLE row_decision ALTER COLUMN number DROP DEFAULT",
    """CREATE VIEW standing_row_decision WITH (security_invoker = true) AS
SELECT d.row_id, d.number, d.practice_id, d.deb_file_id, d.line, d.decision, d.invoice_id, d.reason,
  d.parked_because, d.decided_by, d.decided_at
FROM row_decision d
WHERE d.decision <> 'reopen' AND NOT EXISTS (
  SELECT FROM row_decision later WHERE later.row_id = d.row_id AND later.number > d.number)""",
    f'GRANT SELECT ON standing_row_decision TO "{RUNTIME_ROLE}"',
    # What a person said of a row moves nothing, and a row that was left may be booked later.
    "DROP INDEX position_fact_row_once",
    """CREATE UNIQUE INDEX position_fact_row_once ON position_fact (deb_file_id, deb_line)
  WHERE kind NOT IN ('undo', 'row_left', 'row_reopened')""",
    """ALTER TABLE position_fact ADD CONSTRAINT position_fact_told_moves_nothing CHECK (
  kind NOT IN ('row_left', 'row_reopened') OR (entry_id IS NULL AND amount_rappen IS NULL
    AND (principal_rappen, reminder_fees_rappen, interest_rappen, costs_rappen,
         factor_owes_rappen) = (0, 0, 0, 0, 0)))""",
)
"""Statements of version 1, in order. A change comes as STATEMENTS_V2, never as an edit."""
