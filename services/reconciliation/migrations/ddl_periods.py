"""DDL of closed periods and of the dunning brake, version 1.

No entry is dated into a closed period, whoever writes it: the insert takes the practice's lock,
as a closing does, so that neither can miss the other. What persons closed and reopened stays.
"""

from __future__ import annotations

from services.reconciliation.migrations.ddl_books import RUNTIME_ROLE
from shared.db.rls import append_only_ddl, practice_scope_ddl

_PERIODS = (
    """CREATE TABLE period_closing (
  closing_id uuid CONSTRAINT period_closing_pk PRIMARY KEY,
  practice_id uuid NOT NULL
    CONSTRAINT period_closing_practice_fk REFERENCES practice (practice_id),
  place integer NOT NULL CONSTRAINT period_closing_place_counts CHECK (place >= 1),
  action text NOT NULL CONSTRAINT period_closing_action_known
    CHECK (action IN ('close', 'reopen')),
  until date NOT NULL,
  closed_until date,
  reason text NOT NULL CONSTRAINT period_closing_has_a_reason CHECK (reason <> ''),
  decided_by text NOT NULL CONSTRAINT period_closing_has_a_name CHECK (decided_by <> ''),
  decided_at timestamptz NOT NULL,
  head_number bigint,
  head_hash text,
  reopens uuid CONSTRAINT period_closing_reopened_once UNIQUE
    CONSTRAINT period_closing_reopens_fk REFERENCES period_closing (closing_id),
  CONSTRAINT period_closing_place_once UNIQUE (practice_id, place),
  CONSTRAINT period_closing_of_practice UNIQUE (practice_id, closing_id),
  CONSTRAINT period_closing_whole CHECK (CASE action
    WHEN 'close' THEN closed_until IS NOT DISTINCT FROM until AND reopens IS NULL
      AND num_nulls(head_number, head_hash) = 0
    ELSE reopens IS NOT NULL AND num_nonnulls(head_number, head_hash) = 0
      AND (closed_until < until) IS NOT FALSE END)
)""",
    """CREATE TABLE closing_balance (
  practice_id uuid NOT NULL,
  closing_id uuid NOT NULL,
  account text NOT NULL,
  debit_rappen bigint NOT NULL CONSTRAINT closing_balance_debit_sign CHECK (debit_rappen >= 0),
  credit_rappen bigint NOT NULL CONSTRAINT closing_balance_credit_sign CHECK (credit_rappen >= 0),
  CONSTRAINT closing_balance_pk PRIMARY KEY (closing_id, account),
  CONSTRAINT closing_balance_closing_fk FOREIGN KEY (practice_id, closing_id)
    REFERENCES period_closing (practice_id, closing_id),
  CONSTRAINT closing_balance_account_fk FOREIGN KEY (practice_id, account)
    REFERENCES ledger_account (practice_id, number)
)""",
    """CREATE FUNCTION period_follows_the_last() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  latest record;
  before date;
BEGIN
  PERFORM 1 FROM journal_head WHERE practice_id = NEW.practice_id FOR UPDATE;
  SELECT place, closed_until INTO latest FROM period_closing
  WHERE practice_id = NEW.practice_id ORDER BY place DESC LIMIT 1;
  SELECT max(c.until) INTO before FROM period_closing c
  WHERE c.practice_id = NEW.practice_id AND c.action = 'close' AND c.until < NEW.until
    AND NOT EXISTS (SELECT FROM period_closing r WHERE r.reopens = c.closing_id);
  IF NEW.place <> coalesce(latest.place, 0) + 1
    OR (NEW.action = 'close' AND NEW.until <= latest.closed_until)
    OR (NEW.action = 'reopen' AND (NEW.until IS DISTINCT FROM latest.closed_until
                                   OR NEW.closed_until IS DISTINCT FROM before
                                   OR NOT EXISTS (
      SELECT FROM period_closing c WHERE c.closing_id = NEW.reopens
        AND c.practice_id = NEW.practice_id AND c.action = 'close' AND c.until = NEW.until))) THEN
    RAISE EXCEPTION 'this does not follow the last closing, up to %', latest.closed_until
      USING ERRCODE = 'check_violation', CONSTRAINT = 'period_closing_follows_the_last';
  END IF;
  RETURN NEW;
END $$""",
    """CREATE TRIGGER period_closing_follows_the_last BEFORE INSERT ON period_closing
  FOR EACH ROW EXECUTE FUNCTION period_follows_the_last()""",
    """CREATE FUNCTION entries_are_in_an_open_period() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  wrong record;
BEGIN
  PERFORM 1 FROM journal_head
  WHERE practice_id IN (SELECT practice_id FROM fresh) FOR UPDATE;
  SELECT e.first_day, c.closed_until INTO wrong
  FROM (SELECT practice_id, min(entry_date) AS first_day FROM fresh GROUP BY practice_id) AS e
  CROSS JOIN LATERAL (
    SELECT closed_until FROM period_closing WHERE period_closing.practice_id = e.practice_id
    ORDER BY place DESC LIMIT 1) AS c
  WHERE e.first_day <= c.closed_until LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'the books are closed up to %, an entry is dated %',
      wrong.closed_until, wrong.first_day
      USING ERRCODE = 'check_violation', CONSTRAINT = 'journal_entry_in_an_open_period';
  END IF;
  RETURN NULL;
END $$""",
    """CREATE TRIGGER journal_entry_in_an_open_period AFTER INSERT ON journal_entry
  REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT
  EXECUTE FUNCTION entries_are_in_an_open_period()""",
)

_DUNNING = (
    "ALTER TABLE prepared_order ADD COLUMN prepared_at timestamptz",
    """CREATE TABLE order_line (
  practice_id uuid NOT NULL,
  order_id uuid NOT NULL,
  invoice_id uuid NOT NULL,
  CONSTRAINT order_line_pk PRIMARY KEY (order_id, invoice_id)
)""",
    "CREATE INDEX order_line_invoice ON order_line (invoice_id)",
    # A refusal may overtake the order that it ends: two services tell of orders.
    """CREATE TABLE order_end (
  order_id uuid CONSTRAINT order_end_pk PRIMARY KEY,
  practice_id uuid NOT NULL,
  outcome text NOT NULL CONSTRAINT order_end_known CHECK (outcome IN ('refused', 'withdrawn')),
  ended_at timestamptz NOT NULL
)""",
    """CREATE TABLE dunning_verdict (
  practice_id uuid CONSTRAINT dunning_verdict_pk PRIMARY KEY
    CONSTRAINT dunning_verdict_practice_fk REFERENCES practice (practice_id),
  reasons text[] NOT NULL,
  changed_at timestamptz NOT NULL
)""",
    # What ended orders before anybody here listened to it is in the inbox, passed over.
    "SELECT set_config('quittance.system', 'on', true)",
    """INSERT INTO order_end (order_id, practice_id, outcome, ended_at)
  SELECT DISTINCT ON (subject) subject::uuid, practice_id,
    CASE type WHEN 'order-refused' THEN 'refused' ELSE 'withdrawn' END, received_at
  FROM inbox
  WHERE type IN ('order-refused', 'order-withdrawn')
    AND status = 'skipped' AND reason = 'not-listened-to'
    AND practice_id IS NOT NULL AND subject ~ '^[0-9a-f-]{36}$'
  ORDER BY subject, position""",
    "SELECT set_config('quittance.system', '', true)",
    f'REVOKE DELETE, TRUNCATE ON dunning_verdict FROM "{RUNTIME_ROLE}"',
    "CREATE INDEX deb_row_waits ON deb_row (practice_id) WHERE status IN ('parked', 'staged')",
    "CREATE INDEX invoice_position_due ON invoice_position (practice_id, due_on, invoice_number)",
    "CREATE INDEX acquittal_live ON acquittal (practice_id, contract_id, invoice_id) WHERE live",
)
_TABLES = ("period_closing", "closing_balance", "order_line", "order_end", "dunning_verdict")
_APPEND_ONLY = ("period_closing", "closing_balance", "order_line", "order_end")

STATEMENTS_V1: tuple[str, ...] = (
    *_PERIODS,
    *_DUNNING,
    *(statement for table in _TABLES for statement in practice_scope_ddl(table)),
    *(
        statement
        for table in _APPEND_ONLY
        for statement in append_only_ddl(table, role=RUNTIME_ROLE)
    ),
)
"""Statements of version 1, in order. A change comes as STATEMENTS_V2, never as an edit."""
