"""Contracts that a person serves: what persons report of orders, and who brought a DEB file."""

from __future__ import annotations

from alembic import op

from shared.db.rls import append_only_ddl, practice_scope_ddl

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_STATEMENTS = (
    """CREATE TABLE hand_report (
  order_id uuid NOT NULL,
  kind text NOT NULL CONSTRAINT report_kind_is_known CHECK (kind IN ('handed-over', 'refused')),
  practice_id uuid NOT NULL,
  reported_by text NOT NULL CONSTRAINT report_names_a_person CHECK (reported_by <> ''),
  observed_at timestamptz NOT NULL,
  reference text NOT NULL,
  seen text NOT NULL CONSTRAINT report_says_what_was_seen CHECK (seen <> ''),
  recorded_at timestamptz NOT NULL,
  CONSTRAINT reported_once_per_kind PRIMARY KEY (order_id, kind),
  CONSTRAINT report_of_transmission
    FOREIGN KEY (practice_id, order_id) REFERENCES transmission (practice_id, order_id),
  CONSTRAINT nothing_is_seen_in_the_future CHECK (observed_at <= recorded_at)
)""",
    """ALTER TABLE deb_file
  ADD COLUMN source text NOT NULL DEFAULT 'portal'
    CONSTRAINT deb_file_source_is_known CHECK (source IN ('portal', 'manual')),
  ADD COLUMN uploaded_by text,
  ADD CONSTRAINT who_brings_a_file_is_known
    CHECK ((source = 'manual') = (uploaded_by IS NOT NULL))""",
)


def upgrade() -> None:
    """Add both; a report is a fact, so nobody changes it afterwards."""
    statements = [
        *_STATEMENTS,
        *practice_scope_ddl("hand_report"),
        *append_only_ddl("hand_report", role="debident_gateway"),
    ]
    for statement in statements:
        op.execute(statement)
