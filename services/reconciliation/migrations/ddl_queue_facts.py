"""DDL of what the queue of exceptions needs to know besides, version 1: why and when, and how much.

What a table overwrites (why a file was held, when an order was acquitted) would leave an item
without its history. Every hold of a DEB file and its end is kept by a trigger, so that no statement
can forget it.
"""

from __future__ import annotations

from services.reconciliation.migrations.ddl_books import RUNTIME_ROLE
from services.reconciliation.migrations.ddl_references import Reference, judged
from shared.db.rls import append_only_ddl, practice_scope_ddl

_HOLDS = (
    """CREATE TABLE deb_file_hold (
  place bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT deb_file_hold_pk PRIMARY KEY,
  practice_id uuid NOT NULL,
  deb_file_id uuid NOT NULL,
  event text NOT NULL CONSTRAINT deb_file_hold_event_known CHECK (event IN ('held', 'ended')),
  at timestamptz NOT NULL,
  reason_code text NOT NULL,
  reason_line integer,
  reason_detail text,
  by_person text,
  why text,
  CONSTRAINT deb_file_hold_file_fk FOREIGN KEY (practice_id, deb_file_id)
    REFERENCES deb_file (practice_id, deb_file_id),
  CONSTRAINT deb_file_hold_ended_for_a_reason CHECK ((event = 'ended') = (why IS NOT NULL))
)""",
    "CREATE INDEX deb_file_hold_of ON deb_file_hold (deb_file_id, place)",
    *practice_scope_ddl("deb_file_hold"),
    # The times are those that the statement gives; only a person's decision ends other holds.
    """CREATE FUNCTION deb_file_hold_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  began timestamptz;
  person record;
  ended_at timestamptz;
BEGIN
  IF OLD.status = 'held' THEN
    SELECT at INTO began FROM deb_file_hold
    WHERE deb_file_id = OLD.deb_file_id AND event = 'held' ORDER BY place DESC LIMIT 1;
    SELECT d.decided_by, d.reason, d.decided_at INTO person FROM deb_file_decision d
    WHERE d.deb_file_id = OLD.deb_file_id AND d.decision <> 'hold' AND d.decided_at >= began
    ORDER BY d.place DESC LIMIT 1;
    ended_at := coalesce(person.decided_at,
      CASE NEW.status WHEN 'fetched' THEN NEW.next_attempt_at ELSE NEW.finished_at END, now());
    INSERT INTO deb_file_hold (practice_id, deb_file_id, event, at, reason_code, reason_line,
      reason_detail, by_person, why)
    VALUES (OLD.practice_id, OLD.deb_file_id, 'ended', greatest(began, ended_at), OLD.reason_code,
      OLD.reason_line, OLD.reason_detail, person.decided_by,
      coalesce(person.reason, CASE WHEN NEW.status = 'discarded'
          THEN 'another version of it is booked'
        WHEN OLD.reason_code = 'sequence-gap' THEN 'the file before it is booked'
        ELSE 'it was fetched again' END));
  END IF;
  IF NEW.status = 'held' THEN
    INSERT INTO deb_file_hold (practice_id, deb_file_id, event, at, reason_code, reason_line,
      reason_detail)
    VALUES (NEW.practice_id, NEW.deb_file_id, 'held', coalesce(NEW.finished_at, now()),
      NEW.reason_code, NEW.reason_line, NEW.reason_detail);
  END IF;
  RETURN NULL;
END $$""",
    """CREATE TRIGGER deb_file_hold_kept AFTER UPDATE OF status, reason_code ON deb_file
  FOR EACH ROW WHEN (OLD.reason_code IS DISTINCT FROM NEW.reason_code
    OR OLD.status = 'held' AND NEW.status = 'discarded')
  EXECUTE FUNCTION deb_file_hold_is_kept()""",
)

_AT_STAKE = (
    "ALTER TABLE deb_file ADD COLUMN at_stake_rappen bigint",
    # Summed once, when the file comes to wait: the queue is read far more often.
    """CREATE FUNCTION deb_file_puts_at_stake() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.at_stake_rappen := (SELECT sum(abs(amount_rappen))::bigint FROM deb_row
    WHERE deb_file_id = NEW.deb_file_id AND status = 'staged');
  RETURN NEW;
END $$""",
    """CREATE TRIGGER deb_file_at_stake BEFORE UPDATE OF status ON deb_file
  FOR EACH ROW WHEN (OLD.status <> NEW.status
    AND (NEW.status = 'held' OR NEW.status = 'staged' AND NEW.review = 'awaited'))
  EXECUTE FUNCTION deb_file_puts_at_stake()""",
)

_MOMENTS = (
    "ALTER TABLE order_confirmation ADD COLUMN acquitted_at timestamptz",
    f'GRANT UPDATE (acquitted_at) ON order_confirmation TO "{RUNTIME_ROLE}"',
    """CREATE TABLE invoice_cancellation (
  invoice_id uuid CONSTRAINT invoice_cancellation_pk PRIMARY KEY,
  practice_id uuid NOT NULL,
  cancelled_at timestamptz NOT NULL
)""",
    *judged(
        Reference(
            "invoice_cancellation_invoice_fk",
            "invoice_cancellation",
            ("practice_id", "invoice_id"),
            "invoice_position",
            ("practice_id", "invoice_id"),
        )
    ),
    *practice_scope_ddl("invoice_cancellation"),
    *append_only_ddl("invoice_cancellation", role=RUNTIME_ROLE),
)

_REPORTS = (
    # Unknown of an order that was noted before.
    "ALTER TABLE prepared_order ADD COLUMN total_rappen bigint",
    "ALTER TABLE reported_exception ADD COLUMN may_have_left boolean NOT NULL DEFAULT false",
    "ALTER TABLE exception_event DROP CONSTRAINT exception_event_known",
    """ALTER TABLE exception_event ADD CONSTRAINT exception_event_known CHECK (event IN
    ('opened', 'assigned', 'noted', 'changed', 'reopened', 'resolved', 'closed'))""",
)

_BACKFILL = (
    "SELECT set_config('quittance.system', 'on', true)",
    # Of a file that was released before this was kept, the reason is not known any more.
    """INSERT INTO deb_file_hold (practice_id, deb_file_id, event, at, reason_code, reason_detail,
    by_person, why)
  SELECT f.practice_id, f.deb_file_id, e.event, CASE e.event WHEN 'held' THEN f.received_at
    ELSE d.decided_at END, 'not-kept', 'why it was held is not known any more',
    CASE e.event WHEN 'ended' THEN d.decided_by END, CASE e.event WHEN 'ended' THEN d.reason END
  FROM deb_file_decision d JOIN deb_file f USING (practice_id, deb_file_id)
  CROSS JOIN (VALUES ('held', 0), ('ended', 1)) AS e (event, turn)
  WHERE d.decision = 'release' ORDER BY d.place, e.turn""",
    """INSERT INTO deb_file_hold (practice_id, deb_file_id, event, at, reason_code, reason_line,
    reason_detail)
  SELECT practice_id, deb_file_id, 'held', coalesce(finished_at, received_at), reason_code,
    reason_line, reason_detail
  FROM deb_file WHERE status = 'held' ORDER BY arrival""",
    """UPDATE deb_file f SET at_stake_rappen = (SELECT sum(abs(r.amount_rappen))::bigint
    FROM deb_row r WHERE r.deb_file_id = f.deb_file_id AND r.status = 'staged')
  WHERE f.status = 'held' OR f.status = 'staged' AND f.review = 'awaited'""",
    "SELECT set_config('quittance.system', 'off', true)",
)

STATEMENTS_V1: tuple[str, ...] = (
    *_HOLDS,
    *_AT_STAKE,
    *_MOMENTS,
    *_REPORTS,
    *_BACKFILL,
    *append_only_ddl("deb_file_hold", role=RUNTIME_ROLE),
)
"""Statements of version 1, in order. A change comes as STATEMENTS_V2, never as an edit."""
