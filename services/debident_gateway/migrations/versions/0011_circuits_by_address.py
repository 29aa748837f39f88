"""A circuit belongs to a portal's address, so that one portal's outage stops no other."""

from __future__ import annotations

from alembic import op

revision = "0011"
down_revision = "0007"
branch_labels = None
depends_on = None

_STATE = "failures, failing_since, reason_code, outage_id, pauses, next_probe_at, probing_until"
_STATEMENTS = (
    # The owner is bound by the policies too: without the system's scope it would see no row.
    "SELECT set_config('quittance.system', 'on', true)",
    # An empty address: that of the HTTP portal, which the first call that meets the row fills in.
    "ALTER TABLE portal_circuit ADD COLUMN address text NOT NULL DEFAULT ''",
    "ALTER TABLE account_circuit ADD COLUMN address text NOT NULL DEFAULT ''",
    """ALTER TABLE portal_circuit DROP CONSTRAINT portal_circuit_pk,
  ADD CONSTRAINT portal_circuit_pk PRIMARY KEY (adapter, address)""",
    """ALTER TABLE account_circuit DROP CONSTRAINT account_circuit_pk,
  ADD CONSTRAINT account_circuit_pk PRIMARY KEY (practice_id, adapter, address)""",
    # An outage of SFTP goes on for each server that anybody uses: its end is still to be told.
    f"""INSERT INTO portal_circuit (adapter, address, {_STATE})
SELECT DISTINCT 'sftp', lower(host) || ':' || port, {_STATE}
FROM portal_circuit, portal_sftp_credentials WHERE adapter = 'sftp' AND address = ''""",
    "DELETE FROM portal_circuit WHERE adapter = 'sftp' AND address = ''",
    """UPDATE account_circuit SET address = lower(host) || ':' || port
FROM portal_sftp_credentials AS access
WHERE adapter = 'sftp' AND access.practice_id = account_circuit.practice_id""",
    "ALTER TABLE portal_circuit ALTER COLUMN address DROP DEFAULT",
    "ALTER TABLE account_circuit ALTER COLUMN address DROP DEFAULT",
    "SELECT set_config('quittance.system', 'off', true)",
)


def upgrade() -> None:
    """Key the circuits by address too, and keep what is known of outages."""
    for statement in _STATEMENTS:
        op.execute(statement)
