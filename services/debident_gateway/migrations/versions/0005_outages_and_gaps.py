"""Circuits of portals and accounts, overdue orders, and the DEB files that are missing."""

from __future__ import annotations

from alembic import op

from shared.db.rls import practice_scope_ddl

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_ROLE = "debident_gateway"
_CIRCUIT = """
  adapter text NOT NULL,
  failures integer NOT NULL CHECK (failures >= 0),
  failing_since timestamptz,
  reason_code text,
  outage_id uuid,
  pauses integer NOT NULL CHECK (pauses >= 0),
  next_probe_at timestamptz,
  probing_until timestamptz,"""
_OPEN = "CHECK ((outage_id IS NULL) = (next_probe_at IS NULL))"
_STATEMENTS = (
    """ALTER TABLE transmission
  ADD COLUMN overdue boolean NOT NULL DEFAULT false,
  ADD COLUMN waits_for_portal boolean NOT NULL DEFAULT false,
  ADD CONSTRAINT overdue_is_on_its_way CHECK (NOT overdue OR state IN ('unknown', 'sent')),
  ADD CONSTRAINT waiting_is_not_in_hand CHECK (
    NOT waits_for_portal OR state IN ('intended', 'unknown', 'sent'))""",
    """CREATE INDEX transmission_waiting ON transmission (practice_id)
  WHERE waits_for_portal""",
    # The portal itself belongs to no practice: every practice's calls find out about it.
    f"""CREATE TABLE portal_circuit ({_CIRCUIT}
  CONSTRAINT portal_circuit_pk PRIMARY KEY (adapter),
  CONSTRAINT portal_circuit_open_has_a_probe {_OPEN}
)""",
    f"""CREATE TABLE account_circuit (
  practice_id uuid NOT NULL,{_CIRCUIT}
  CONSTRAINT account_circuit_pk PRIMARY KEY (practice_id, adapter),
  CONSTRAINT account_circuit_open_has_a_probe {_OPEN}
)""",
    """CREATE TABLE deb_gap (
  gap_id uuid CONSTRAINT deb_gap_pk PRIMARY KEY,
  practice_id uuid NOT NULL,
  contract_id uuid NOT NULL,
  first_number bigint NOT NULL,
  last_number bigint NOT NULL,
  seen_number bigint NOT NULL,
  reason_code text NOT NULL,
  noticed_at timestamptz NOT NULL,
  resolved_at timestamptz,
  CONSTRAINT deb_gap_has_numbers CHECK (1 <= first_number AND first_number <= last_number),
  CONSTRAINT deb_gap_of_contract
    FOREIGN KEY (practice_id, contract_id) REFERENCES contract_terms (practice_id, contract_id)
)""",
    "CREATE INDEX deb_gap_open ON deb_gap (contract_id) WHERE resolved_at IS NULL",
    "CREATE INDEX deb_gap_by_age ON deb_gap (practice_id, noticed_at, gap_id)",
    *practice_scope_ddl("account_circuit"),
    *practice_scope_ddl("deb_gap"),
    f'REVOKE DELETE, TRUNCATE ON portal_circuit, account_circuit, deb_gap FROM "{_ROLE}"',
)


def upgrade() -> None:
    """Add the tables and the two flags of a transmission."""
    for statement in _STATEMENTS:
        op.execute(statement)
