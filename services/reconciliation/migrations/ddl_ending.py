"""DDL of how held and failing DEB files end, version 1: discarded, superseded, set aside, retried.

A file that is discarded keeps why it was held; nothing of it can be booked any more.
"""

from __future__ import annotations

from services.reconciliation.migrations.ddl_books import RUNTIME_ROLE

STATEMENTS_V1: tuple[str, ...] = (
    """ALTER TABLE deb_file
  ADD COLUMN superseded_by uuid
    CONSTRAINT deb_file_superseded_fk REFERENCES deb_file (deb_file_id),
  ADD COLUMN set_aside_at timestamptz,
  ADD COLUMN went_on_at timestamptz,
  DROP CONSTRAINT deb_file_status_known,
  ADD CONSTRAINT deb_file_status_known CHECK (status IN (
    'fetched', 'staged', 'booked', 'held', 'discarded', 'undoing', 'undone', 'partly-undone')),
  DROP CONSTRAINT deb_file_held_for_a_reason,
  ADD CONSTRAINT deb_file_held_for_a_reason CHECK (
    (status IN ('held', 'discarded')) = (reason_code IS NOT NULL)),
  ADD CONSTRAINT deb_file_superseded_is_discarded CHECK (
    superseded_by IS NULL OR status = 'discarded'),
  ADD CONSTRAINT deb_file_discarded_is_not_booked CHECK (
    status <> 'discarded' OR booked IS NULL)""",
    """CREATE INDEX deb_file_under_way ON deb_file (contract_id, file_id)
  WHERE status IN ('fetched', 'staged')""",
    f'GRANT UPDATE (superseded_by, set_aside_at, went_on_at) ON deb_file TO "{RUNTIME_ROLE}"',
    # No file was written after it was fetched: until now the header was believed.
    "SELECT set_config('quittance.system', 'on', true)",
    """UPDATE deb_file SET created_on = (fetched_at AT TIME ZONE 'Europe/Zurich')::date
  WHERE created_on > (fetched_at AT TIME ZONE 'Europe/Zurich')::date""",
    "SELECT set_config('quittance.system', '', true)",
    """ALTER TABLE deb_file_decision
  DROP CONSTRAINT deb_file_decision_known,
  ADD CONSTRAINT deb_file_decision_known CHECK (decision IN (
    'book', 'hold', 'release', 'discard', 'retry', 'undo', 'book-anew'))""",
)
"""Statements of version 1, in order. A change comes as STATEMENTS_V2, never as an edit."""
