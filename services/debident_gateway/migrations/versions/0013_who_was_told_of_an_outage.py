"""Who was told of an outage, so that the same are told of its end."""

from __future__ import annotations

from alembic import op

from shared.db.rls import practice_scope_ddl

revision = "0013"
down_revision = "0011"
branch_labels = None
depends_on = None

_STATEMENTS = (
    """CREATE TABLE outage_told (
  outage_id uuid NOT NULL,
  practice_id uuid NOT NULL,
  adapter text NOT NULL,
  address text NOT NULL,
  scope text NOT NULL CONSTRAINT outage_told_scope_known CHECK (scope IN ('portal', 'account')),
  since timestamptz NOT NULL,
  ended_at timestamptz,
  CONSTRAINT outage_told_pk PRIMARY KEY (outage_id, practice_id)
)""",
    "CREATE INDEX outage_told_open ON outage_told (practice_id) WHERE ended_at IS NULL",
    # The owner is bound by the policies too: without the system's scope it would see no row.
    "SELECT set_config('quittance.system', 'on', true)",
    # Of an outage that goes on, those are taken to have been told who would be told now.
    """INSERT INTO outage_told (outage_id, practice_id, adapter, address, scope, since)
SELECT DISTINCT c.outage_id, t.practice_id, c.adapter, c.address, 'portal',
  coalesce(c.failing_since, c.next_probe_at)
FROM portal_circuit c JOIN contract_terms t USING (adapter)
LEFT JOIN portal_sftp_credentials s ON s.practice_id = t.practice_id
WHERE c.outage_id IS NOT NULL
  AND (c.adapter <> 'sftp' OR lower(s.host) || ':' || s.port = c.address)
ON CONFLICT DO NOTHING""",
    """INSERT INTO outage_told (outage_id, practice_id, adapter, address, scope, since)
SELECT outage_id, practice_id, adapter, address, 'account',
  coalesce(failing_since, next_probe_at)
FROM account_circuit WHERE outage_id IS NOT NULL
ON CONFLICT DO NOTHING""",
    "SELECT set_config('quittance.system', 'off', true)",
    *practice_scope_ddl("outage_told"),
    'REVOKE DELETE, TRUNCATE ON outage_told FROM "debident_gateway"',
)


def upgrade() -> None:
    """Create the table, hidden outside its practice's scope, with the outages that go on."""
    for statement in _STATEMENTS:
        op.execute(statement)
