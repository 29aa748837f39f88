"""DDL of the books, version 1: chart of accounts, confirmations, journal and positions.

P1 is declared here: a posting to an account of role "factor" needs a foreign key to a confirmation
line that was accepted. The role cannot be dodged: a posting's account and role together reference
the chart, and the runtime role can neither change nor remove an account.
"""

from __future__ import annotations

from shared.db.rls import append_only_ddl, practice_scope_ddl

RUNTIME_ROLE = "reconciliation"

_CHART = (
    """CREATE TABLE practice (
  practice_id uuid CONSTRAINT practice_pk PRIMARY KEY,
  gln text NOT NULL,
  canton text NOT NULL,
  language text NOT NULL,
  registered_at timestamptz NOT NULL
)""",
    """CREATE TABLE ledger_account (
  practice_id uuid NOT NULL
    CONSTRAINT ledger_account_practice_fk REFERENCES practice (practice_id),
  number text NOT NULL CONSTRAINT ledger_account_number_form CHECK (number ~ '^[0-9]{4}$'),
  role text NOT NULL CONSTRAINT ledger_account_role_known CHECK (role IN (
    'bank', 'factor', 'receivables', 'deposits', 'fees', 'fee-income', 'losses',
    'factor-charges')),
  name text NOT NULL,
  CONSTRAINT ledger_account_pk PRIMARY KEY (practice_id, number),
  CONSTRAINT ledger_account_plays_one_role UNIQUE (practice_id, number, role)
)""",
    """CREATE UNIQUE INDEX ledger_account_one_per_role ON ledger_account (practice_id, role)
  WHERE role <> 'factor'""",
    """CREATE TABLE contract (
  contract_id uuid CONSTRAINT contract_pk PRIMARY KEY,
  practice_id uuid NOT NULL,
  version integer NOT NULL CONSTRAINT contract_version_counts CHECK (version >= 1),
  active boolean NOT NULL,
  factor text NOT NULL,
  account_number text NOT NULL,
  ledger_account text NOT NULL,
  ledger_account_role text NOT NULL DEFAULT 'factor'
    CONSTRAINT contract_books_on_a_factor_account CHECK (ledger_account_role = 'factor'),
  acquittal_label text NOT NULL,
  acquittal text NOT NULL CONSTRAINT contract_acquittal_known
    CHECK (acquittal IN ('automatic', 'manual')),
  payout_basis text NOT NULL,
  reminder_fee_beneficiary text NOT NULL CONSTRAINT contract_beneficiary_known
    CHECK (reminder_fee_beneficiary IN ('factor', 'practice')),
  loss_cover boolean NOT NULL,
  deb_layout text NOT NULL,
  CONSTRAINT contract_of_practice UNIQUE (practice_id, contract_id),
  CONSTRAINT contract_ledger_account_fk
    FOREIGN KEY (practice_id, ledger_account, ledger_account_role)
    REFERENCES ledger_account (practice_id, number, role)
)""",
)

_POSITIONS = (
    """CREATE TABLE invoice_position (
  invoice_id uuid CONSTRAINT invoice_position_pk PRIMARY KEY,
  practice_id uuid NOT NULL
    CONSTRAINT invoice_position_practice_fk REFERENCES practice (practice_id),
  invoice_number text NOT NULL,
  contract_id uuid,
  debtor_number text NOT NULL,
  issued_on date NOT NULL,
  due_on date NOT NULL,
  total_rappen bigint NOT NULL,
  deposit_rappen bigint NOT NULL,
  principal_rappen bigint NOT NULL DEFAULT 0,
  reminder_fees_rappen bigint NOT NULL DEFAULT 0,
  interest_rappen bigint NOT NULL DEFAULT 0,
  costs_rappen bigint NOT NULL DEFAULT 0,
  factor_owes_rappen bigint NOT NULL DEFAULT 0,
  CONSTRAINT invoice_number_once UNIQUE (practice_id, invoice_number),
  CONSTRAINT invoice_of_practice UNIQUE (practice_id, invoice_id)
)""",
    "CREATE INDEX invoice_position_debtor ON invoice_position (practice_id, debtor_number)",
)

_CONFIRMATIONS = (
    """CREATE TABLE prepared_order (
  order_id uuid CONSTRAINT prepared_order_pk PRIMARY KEY,
  practice_id uuid NOT NULL,
  order_number text NOT NULL,
  contract_id uuid NOT NULL
)""",
    "CREATE INDEX prepared_order_number ON prepared_order (practice_id, order_number)",
    """CREATE TABLE order_confirmation (
  order_id uuid CONSTRAINT order_confirmation_pk PRIMARY KEY,
  practice_id uuid NOT NULL,
  order_number text NOT NULL,
  contract_id uuid NOT NULL,
  accepted_count integer NOT NULL,
  accepted_total_rappen bigint NOT NULL,
  refused_count integer NOT NULL,
  evidence_kind text NOT NULL,
  evidence_reference text NOT NULL,
  evidence_observed_at timestamptz NOT NULL,
  content_sha256 text NOT NULL,
  confirmed_at timestamptz NOT NULL,
  acquitted_on date,
  CONSTRAINT order_number_confirmed_once UNIQUE (practice_id, order_number),
  CONSTRAINT order_confirmation_of_practice UNIQUE (practice_id, order_id),
  CONSTRAINT order_confirmation_contract_fk
    FOREIGN KEY (practice_id, contract_id) REFERENCES contract (practice_id, contract_id)
)""",
    """CREATE TABLE confirmation_line (
  practice_id uuid NOT NULL,
  order_id uuid NOT NULL,
  line integer NOT NULL,
  invoice_id uuid NOT NULL,
  amount_rappen bigint NOT NULL,
  accepted boolean NOT NULL,
  refusal_code text,
  CONSTRAINT confirmation_line_pk PRIMARY KEY (order_id, invoice_id),
  CONSTRAINT confirmation_line_place UNIQUE (order_id, line),
  CONSTRAINT confirmation_line_answer UNIQUE (practice_id, order_id, invoice_id, accepted),
  CONSTRAINT confirmation_line_order_fk FOREIGN KEY (practice_id, order_id)
    REFERENCES order_confirmation (practice_id, order_id),
  CONSTRAINT confirmation_line_invoice_fk FOREIGN KEY (practice_id, invoice_id)
    REFERENCES invoice_position (practice_id, invoice_id)
)""",
    "CREATE INDEX confirmation_line_invoice ON confirmation_line (invoice_id)",
)

_JOURNAL = (
    """CREATE TABLE journal_head (
  practice_id uuid CONSTRAINT journal_head_pk PRIMARY KEY
    CONSTRAINT journal_head_practice_fk REFERENCES practice (practice_id),
  number bigint NOT NULL DEFAULT 0,
  entry_hash text NOT NULL
)""",
    """CREATE TABLE journal_entry (
  entry_id uuid CONSTRAINT journal_entry_pk PRIMARY KEY,
  practice_id uuid NOT NULL
    CONSTRAINT journal_entry_practice_fk REFERENCES practice (practice_id),
  number bigint NOT NULL CONSTRAINT journal_entry_number_counts CHECK (number >= 1),
  entry_date date NOT NULL,
  kind text NOT NULL,
  label text NOT NULL,
  order_id uuid,
  deb_file_id uuid,
  deb_line integer,
  previous_hash text NOT NULL,
  entry_hash text NOT NULL,
  CONSTRAINT journal_number_once UNIQUE (practice_id, number),
  CONSTRAINT journal_chain_does_not_fork UNIQUE (practice_id, previous_hash),
  CONSTRAINT journal_entry_of_practice UNIQUE (practice_id, entry_id)
)""",
    """CREATE TABLE posting (
  practice_id uuid NOT NULL,
  entry_id uuid NOT NULL,
  line integer NOT NULL CONSTRAINT posting_line_counts CHECK (line >= 1),
  account text NOT NULL,
  role text NOT NULL,
  amount_rappen bigint NOT NULL,
  invoice_id uuid,
  confirmed_order_id uuid,
  confirmed_accepted boolean NOT NULL DEFAULT true
    CONSTRAINT posting_rests_on_an_accepted_line CHECK (confirmed_accepted),
  CONSTRAINT posting_pk PRIMARY KEY (entry_id, line),
  CONSTRAINT posting_entry_fk FOREIGN KEY (practice_id, entry_id)
    REFERENCES journal_entry (practice_id, entry_id),
  CONSTRAINT posting_account_fk FOREIGN KEY (practice_id, account, role)
    REFERENCES ledger_account (practice_id, number, role),
  CONSTRAINT posting_invoice_fk FOREIGN KEY (practice_id, invoice_id)
    REFERENCES invoice_position (practice_id, invoice_id),
  CONSTRAINT posting_to_factor_needs_confirmation CHECK (
    role <> 'factor' OR (confirmed_order_id IS NOT NULL AND invoice_id IS NOT NULL)),
  CONSTRAINT posting_confirmation_fk
    FOREIGN KEY (practice_id, confirmed_order_id, invoice_id, confirmed_accepted)
    REFERENCES confirmation_line (practice_id, order_id, invoice_id, accepted)
)""",
    "CREATE INDEX posting_by_account ON posting (practice_id, account) INCLUDE (amount_rappen)",
    "CREATE INDEX posting_by_invoice ON posting (invoice_id)",
    """CREATE FUNCTION entry_is_balanced() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  lines integer;
  rest bigint;
BEGIN
  SELECT count(*), coalesce(sum(amount_rappen), 0) INTO lines, rest
  FROM posting WHERE entry_id = NEW.entry_id;
  IF lines < 2 OR rest <> 0 THEN
    RAISE EXCEPTION 'entry % has % postings and is out of balance by % Rappen',
      NEW.entry_id, lines, rest USING ERRCODE = 'check_violation',
      CONSTRAINT = 'journal_entry_balances';
  END IF;
  RETURN NULL;
END $$""",
    """CREATE CONSTRAINT TRIGGER journal_entry_balances AFTER INSERT ON journal_entry
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION entry_is_balanced()""",
    """CREATE CONSTRAINT TRIGGER posting_balances AFTER INSERT ON posting
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION entry_is_balanced()""",
    """CREATE TABLE acquittal (
  acquittal_id uuid CONSTRAINT acquittal_pk PRIMARY KEY,
  practice_id uuid NOT NULL,
  invoice_id uuid NOT NULL,
  order_id uuid NOT NULL,
  accepted boolean NOT NULL DEFAULT true CONSTRAINT acquittal_of_accepted_only CHECK (accepted),
  contract_id uuid NOT NULL,
  amount_rappen bigint NOT NULL,
  ledger_account text NOT NULL,
  label text NOT NULL,
  acquitted_on date NOT NULL,
  entry_id uuid NOT NULL,
  live boolean NOT NULL DEFAULT true,
  CONSTRAINT acquittal_once_per_order UNIQUE (order_id, invoice_id),
  CONSTRAINT acquittal_entry_once UNIQUE (entry_id),
  CONSTRAINT acquittal_confirmation_fk FOREIGN KEY (practice_id, order_id, invoice_id, accepted)
    REFERENCES confirmation_line (practice_id, order_id, invoice_id, accepted),
  CONSTRAINT acquittal_entry_fk FOREIGN KEY (practice_id, entry_id)
    REFERENCES journal_entry (practice_id, entry_id),
  CONSTRAINT acquittal_contract_fk FOREIGN KEY (practice_id, contract_id)
    REFERENCES contract (practice_id, contract_id)
)""",
    "CREATE UNIQUE INDEX acquittal_one_live_per_invoice ON acquittal (invoice_id) WHERE live",
    # A journal entry of kind "acquittal" without its acquittal row would escape that index.
    """CREATE FUNCTION acquittal_entry_is_known() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM acquittal WHERE entry_id = NEW.entry_id) THEN
    RAISE EXCEPTION 'entry % acquits nothing that is known', NEW.entry_id
      USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'journal_entry_acquittal_known';
  END IF;
  RETURN NULL;
END $$""",
    """CREATE CONSTRAINT TRIGGER journal_entry_acquittal_known AFTER INSERT ON journal_entry
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.kind = 'acquittal')
  EXECUTE FUNCTION acquittal_entry_is_known()""",
)

_KEPT = (
    "practice, contract, invoice_position, prepared_order, order_confirmation, journal_head,"
    " acquittal"
)
_PRIVILEGES = (
    f'REVOKE DELETE, TRUNCATE ON {_KEPT} FROM "{RUNTIME_ROLE}"',
    f'REVOKE UPDATE ON invoice_position, order_confirmation, acquittal FROM "{RUNTIME_ROLE}"',
    f"""GRANT UPDATE (principal_rappen, reminder_fees_rappen, interest_rappen, costs_rappen,
  factor_owes_rappen) ON invoice_position TO "{RUNTIME_ROLE}\"""",
    f'GRANT UPDATE (acquitted_on) ON order_confirmation TO "{RUNTIME_ROLE}"',
    f'GRANT UPDATE (live) ON acquittal TO "{RUNTIME_ROLE}"',
)

_TABLES = (
    "practice",
    "ledger_account",
    "contract",
    "invoice_position",
    "prepared_order",
    "order_confirmation",
    "confirmation_line",
    "journal_head",
    "journal_entry",
    "posting",
    "acquittal",
)
_APPEND_ONLY = ("ledger_account", "confirmation_line", "journal_entry", "posting")

STATEMENTS_V1: tuple[str, ...] = (
    *_CHART,
    *_POSITIONS,
    *_CONFIRMATIONS,
    *_JOURNAL,
    *(statement for table in _TABLES for statement in practice_scope_ddl(table)),
    *(
        statement
        for table in _APPEND_ONLY
        for statement in append_only_ddl(table, role=RUNTIME_ROLE)
    ),
    *_PRIVILEGES,
)
"""Statements of version 1, in order. A change comes as STATEMENTS_V2, never as an edit."""

STATEMENTS_V2: tuple[str, ...] = (
    "DROP TRIGGER posting_balances ON posting",
    # The aggregate in a LATERAL keeps the plan a look-up per entry, however many come at once.
    """CREATE FUNCTION postings_are_balanced() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  wrong record;
BEGIN
  SELECT touched.entry_id, whole.lines, whole.rest INTO wrong
  FROM (SELECT DISTINCT entry_id FROM fresh) AS touched
  CROSS JOIN LATERAL (
    SELECT count(*) AS lines, sum(amount_rappen) AS rest
    FROM posting WHERE posting.entry_id = touched.entry_id) AS whole
  WHERE whole.lines < 2 OR whole.rest <> 0 LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'entry % has % postings and is out of balance by % Rappen',
      wrong.entry_id, wrong.lines, wrong.rest USING ERRCODE = 'check_violation',
      CONSTRAINT = 'posting_balances';
  END IF;
  RETURN NULL;
END $$""",
    """CREATE TRIGGER posting_balances AFTER INSERT ON posting
  REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION postings_are_balanced()""",
)
"""Version 2: all postings of an entry come in one statement, and are judged once, at its end.

The judgement at the transaction's end, once per entry, stays: an entry needs postings at all.
"""

STATEMENTS_V3: tuple[str, ...] = (
    "CREATE INDEX journal_entry_by_day ON journal_entry (practice_id, entry_date, number)",
)
"""Version 3: an export reads the journal by day, in batches."""

STATEMENTS_V4: tuple[str, ...] = (
    # Until now an entry came before what belongs to it; from now on it comes after.
    """ALTER TABLE posting
  ALTER CONSTRAINT posting_entry_fk DEFERRABLE INITIALLY DEFERRED""",
    """ALTER TABLE acquittal
  ALTER CONSTRAINT acquittal_entry_fk DEFERRABLE INITIALLY DEFERRED""",
    "DROP TRIGGER journal_entry_balances ON journal_entry",
    "DROP TRIGGER journal_entry_acquittal_known ON journal_entry",
    "DROP FUNCTION entry_is_balanced()",
    "DROP FUNCTION acquittal_entry_is_known()",
    """CREATE FUNCTION entries_are_balanced() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  wrong record;
BEGIN
  SELECT fresh.entry_id, whole.lines, whole.rest INTO wrong
  FROM fresh CROSS JOIN LATERAL (
    SELECT count(*) AS lines, coalesce(sum(amount_rappen), 0) AS rest
    FROM posting WHERE posting.entry_id = fresh.entry_id) AS whole
  WHERE whole.lines < 2 OR whole.rest <> 0 LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'entry % has % postings and is out of balance by % Rappen',
      wrong.entry_id, wrong.lines, wrong.rest USING ERRCODE = 'check_violation',
      CONSTRAINT = 'journal_entry_balances';
  END IF;
  RETURN NULL;
END $$""",
    """CREATE TRIGGER journal_entry_balances AFTER INSERT ON journal_entry
  REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION entries_are_balanced()""",
    """CREATE FUNCTION acquittal_entries_are_known() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  wrong record;
BEGIN
  SELECT fresh.entry_id INTO wrong
  FROM fresh LEFT JOIN LATERAL (
    SELECT a.entry_id FROM acquittal a WHERE a.entry_id = fresh.entry_id) AS known ON true
  WHERE fresh.kind = 'acquittal' AND known.entry_id IS NULL LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'entry % acquits nothing that is known', wrong.entry_id
      USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'journal_entry_acquittal_known';
  END IF;
  RETURN NULL;
END $$""",
    """CREATE TRIGGER journal_entry_acquittal_known AFTER INSERT ON journal_entry
  REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT
  EXECUTE FUNCTION acquittal_entries_are_known()""",
)
"""Version 4: postings and acquittals come before their entries, which are judged per statement.

The promises stay as they were. An entry has its two or more balanced postings, and its acquittal if
it is one, when its own statement ends: earlier than the transaction's end. Neither can be taken
away again, for both are append-only, and later postings are judged by their own statement. What
comes before its entry must have it when the transaction ends: its foreign key is only put off.
"""
