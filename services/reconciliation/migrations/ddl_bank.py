"""DDL of bank accounts, statements and their entries, version 1.

An account belongs to all practices whose payouts come onto it, so its rows are seen only by who may
see every one of them.
"""

from __future__ import annotations

from services.reconciliation.migrations.ddl_books import RUNTIME_ROLE
from shared.db.rls import append_only_ddl, practices_scope_ddl

# A column, not an expression: under row-level security no index is used for a comparison that calls
# a function which PostgreSQL does not know to be free of leaks.
_COMPARED = r"""payout_token text
  GENERATED ALWAYS AS (upper(regexp_replace(payout_reference, '\s', '', 'g'))) STORED"""

STATEMENTS_V1: tuple[str, ...] = (
    """CREATE TABLE bank_account (
  account_id uuid CONSTRAINT bank_account_pk PRIMARY KEY,
  iban text NOT NULL CONSTRAINT bank_account_iban_once UNIQUE,
  holder text NOT NULL,
  practice_ids uuid[] NOT NULL CONSTRAINT bank_account_of_somebody
    CHECK (cardinality(practice_ids) > 0),
  factor_ibans text[] NOT NULL,
  version integer NOT NULL,
  changed_at timestamptz NOT NULL,
  CONSTRAINT bank_account_of_practices UNIQUE (account_id, practice_ids)
)""",
    *practices_scope_ddl("bank_account"),
    f'REVOKE DELETE, TRUNCATE ON bank_account FROM "{RUNTIME_ROLE}"',
    """CREATE TABLE bank_statement (
  statement_id uuid CONSTRAINT bank_statement_pk PRIMARY KEY,
  account_id uuid NOT NULL CONSTRAINT bank_statement_account_fk REFERENCES bank_account,
  practice_ids uuid[] NOT NULL,
  message_type text NOT NULL,
  message_id text NOT NULL,
  content_sha256 text NOT NULL,
  new_entries integer NOT NULL,
  known_entries integer NOT NULL,
  imported_by text NOT NULL,
  imported_at timestamptz NOT NULL,
  CONSTRAINT bank_statement_once UNIQUE (account_id, message_id, content_sha256)
)""",
    *practices_scope_ddl("bank_statement"),
    *append_only_ddl("bank_statement", role=RUNTIME_ROLE),
    """CREATE TABLE bank_entry (
  entry_id uuid CONSTRAINT bank_entry_pk PRIMARY KEY,
  arrival bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT bank_entry_arrival_once UNIQUE,
  account_id uuid NOT NULL CONSTRAINT bank_entry_account_fk REFERENCES bank_account,
  practice_ids uuid[] NOT NULL,
  statement_id uuid NOT NULL CONSTRAINT bank_entry_statement_fk REFERENCES bank_statement,
  group_key text NOT NULL,
  ordinal integer NOT NULL,
  booked_on date NOT NULL,
  value_on date NOT NULL,
  amount_rappen bigint NOT NULL,
  tokens text[] NOT NULL,
  from_factor boolean NOT NULL,
  is_reversal boolean NOT NULL,
  superseded boolean NOT NULL DEFAULT false
)""",
    """CREATE UNIQUE INDEX bank_entry_once ON bank_entry (account_id, group_key, ordinal)
  WHERE NOT superseded""",
    "CREATE INDEX bank_entry_by_day ON bank_entry (account_id, value_on) WHERE NOT superseded",
    *practices_scope_ddl("bank_entry"),
    f'REVOKE UPDATE, DELETE, TRUNCATE ON bank_entry FROM "{RUNTIME_ROLE}"',
    f'GRANT UPDATE (superseded) ON bank_entry TO "{RUNTIME_ROLE}"',
    f"""CREATE TABLE bank_entry_decision (
  entry_id uuid CONSTRAINT bank_entry_decision_pk PRIMARY KEY
    CONSTRAINT bank_entry_decision_entry_fk REFERENCES bank_entry,
  practice_ids uuid[] NOT NULL,
  decision text NOT NULL CONSTRAINT bank_entry_decision_known
    CHECK (decision IN ('is-payout', 'leave')),
  payout_reference text,
  {_COMPARED},
  reason text NOT NULL CONSTRAINT bank_entry_decision_has_a_reason CHECK (reason <> ''),
  decided_by text NOT NULL CONSTRAINT bank_entry_decision_has_a_name CHECK (decided_by <> ''),
  decided_at timestamptz NOT NULL,
  CONSTRAINT bank_entry_decision_names_a_payout CHECK (
    (decision = 'is-payout') = (payout_reference IS NOT NULL))
)""",
    *practices_scope_ddl("bank_entry_decision"),
    *append_only_ddl("bank_entry_decision", role=RUNTIME_ROLE),
    f"ALTER TABLE deb_row ADD COLUMN {_COMPARED}",
    """CREATE INDEX deb_row_by_payout_token ON deb_row (practice_id, payout_token)
  WHERE payout_token IS NOT NULL""",
    """CREATE INDEX deb_row_payout_by_day ON deb_row (practice_id, event_date)
  WHERE payout_reference IS NOT NULL""",
)
"""Statements of version 1, in order. A change comes as STATEMENTS_V2, never as an edit."""
