"""DDL of payouts, kept per bank account beside what they are made of, version 1.

A payout is made of DEB rows of several practices and of bank entries of several years. What of all
that is still open must be found without reading what is settled, so the sums are kept: always made
anew from the rows, in the transaction that changes them, by triggers that no handler can forget.
"""

from __future__ import annotations

from services.reconciliation.migrations.ddl_books import RUNTIME_ROLE
from shared.db.rls import append_only_ddl, practices_scope_ddl

# The one place that says which rows make up a payout, and with which sign. A reversal counts
# against the payout that it names if what it takes back was paid out.
_PAYOUT_ROW = """CREATE VIEW payout_row WITH (security_invoker = true) AS
SELECT r.practice_id, r.deb_file_id, r.line, r.invoice_id, r.kind, r.status, r.reason_code,
  r.payout_reference, r.payout_token, coalesce(r.value_date, r.event_date) AS paid_on,
  CASE r.kind WHEN 'reversal' THEN -r.amount_rappen ELSE r.amount_rappen END AS amount_rappen
FROM deb_row r
WHERE r.payout_token IS NOT NULL AND r.status IN ('booked', 'parked', 'staged')
  AND CASE WHEN r.kind IN ('payout', 'advance', 'account_movement') THEN true
    WHEN r.kind = 'reversal' THEN EXISTS (
      SELECT FROM deb_row o
      WHERE o.practice_id = r.practice_id AND o.contract_id = r.contract_id
        AND o.record_id = r.note AND o.status = 'booked'
        AND (o.kind IN ('payout', 'advance')
          OR (o.kind = 'account_movement' AND o.payout_reference IS NOT NULL)))
    ELSE false END"""

_PAYOUT = (
    """CREATE TABLE payout (
  payout_id uuid DEFAULT gen_random_uuid() CONSTRAINT payout_pk PRIMARY KEY,
  account_id uuid NOT NULL CONSTRAINT payout_account_fk REFERENCES bank_account,
  payout_token text NOT NULL,
  practice_ids uuid[] NOT NULL,
  payout_reference text,
  paid_on date,
  deb_rows integer NOT NULL DEFAULT 0,
  announced_rappen bigint NOT NULL DEFAULT 0,
  entries integer NOT NULL DEFAULT 0,
  received_rappen bigint NOT NULL DEFAULT 0,
  accepted_announced_rappen bigint,
  accepted_received_rappen bigint,
  wait_until date,
  noticed_at timestamptz NOT NULL DEFAULT now(),
  is_open boolean NOT NULL GENERATED ALWAYS AS (
    deb_rows > 0 AND announced_rappen <> received_rappen
    AND NOT (accepted_announced_rappen IS NOT DISTINCT FROM announced_rappen
      AND accepted_received_rappen IS NOT DISTINCT FROM received_rappen)) STORED,
  CONSTRAINT payout_once UNIQUE (account_id, payout_token)
)""",
    "CREATE INDEX payout_open ON payout (account_id) WHERE is_open",
    "CREATE INDEX payout_by_token ON payout (payout_token)",
    *practices_scope_ddl("payout"),
    f'REVOKE DELETE, TRUNCATE ON payout FROM "{RUNTIME_ROLE}"',
    """CREATE TABLE payout_decision (
  place bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT payout_decision_pk PRIMARY KEY,
  payout_id uuid NOT NULL CONSTRAINT payout_decision_payout_fk REFERENCES payout,
  practice_ids uuid[] NOT NULL,
  decision text NOT NULL CONSTRAINT payout_decision_known CHECK (decision IN ('accept', 'wait')),
  announced_rappen bigint NOT NULL,
  received_rappen bigint NOT NULL,
  wait_until date,
  reason text NOT NULL CONSTRAINT payout_decision_has_a_reason CHECK (reason <> ''),
  decided_by text NOT NULL CONSTRAINT payout_decision_has_a_name CHECK (decided_by <> ''),
  decided_at timestamptz NOT NULL,
  CONSTRAINT payout_decision_waits_until CHECK ((decision = 'wait') = (wait_until IS NOT NULL))
)""",
    "CREATE INDEX payout_decision_of ON payout_decision (payout_id, place)",
    *practices_scope_ddl("payout_decision"),
    *append_only_ddl("payout_decision", role=RUNTIME_ROLE),
)

_ENTRIES = (
    # Which payout an entry is by itself or by decision, and whether a person must say it.
    """ALTER TABLE bank_entry
  ADD COLUMN payout_token text,
  ADD COLUMN is_unmatched boolean NOT NULL DEFAULT false""",
    # The earliest day of which the bank has told.
    "ALTER TABLE bank_account ADD COLUMN known_from date",
    f'GRANT UPDATE (payout_token, is_unmatched) ON bank_entry TO "{RUNTIME_ROLE}"',
    "CREATE INDEX bank_entry_unmatched ON bank_entry (account_id) WHERE is_unmatched",
    """CREATE INDEX bank_entry_of_payout ON bank_entry (account_id, payout_token)
  WHERE payout_token IS NOT NULL""",
    # Under row-level security no index on an array is used; so every token is a row.
    """CREATE TABLE bank_entry_token (
  account_id uuid NOT NULL,
  token text NOT NULL,
  entry_id uuid NOT NULL CONSTRAINT bank_entry_token_entry_fk REFERENCES bank_entry,
  practice_ids uuid[] NOT NULL,
  CONSTRAINT bank_entry_token_pk PRIMARY KEY (account_id, token, entry_id)
)""",
    "CREATE INDEX bank_entry_token_of ON bank_entry_token (entry_id)",
    *practices_scope_ddl("bank_entry_token"),
    *append_only_ddl("bank_entry_token", role=RUNTIME_ROLE),
)

_FUNCTIONS = (
    # A payout is more than one practice's, so each of these widens the scope, and narrows it again.
    # An error ends the transaction, and the scope with it.
    # The account's lock lets one after the other see what the one before has written: a file and a
    # statement that come at once both count.
    """CREATE FUNCTION refresh_payouts(account uuid, wanted text[], given uuid[]) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  scope text := current_setting('quittance.system', true);
  whose uuid[];
  touched uuid[];
  concerned text[];
BEGIN
  PERFORM set_config('quittance.system', 'on', true);
  SELECT practice_ids INTO whose FROM bank_account
  WHERE account_id = account FOR NO KEY UPDATE;
  touched := given || ARRAY(
    SELECT DISTINCT entry_id FROM bank_entry_token
    WHERE account_id = account AND token = ANY (wanted));
  concerned := ARRAY(
    SELECT unnest(wanted)
    UNION SELECT token FROM bank_entry_token WHERE entry_id = ANY (touched));
  INSERT INTO payout (account_id, payout_token, practice_ids)
  SELECT account, token, whose FROM unnest(concerned) AS token
  WHERE EXISTS (SELECT FROM deb_row r
                WHERE r.practice_id = ANY (whose) AND r.payout_token = token)
  ON CONFLICT ON CONSTRAINT payout_once DO NOTHING;
  UPDATE payout p SET practice_ids = whose, deb_rows = s.deb_rows,
    announced_rappen = s.rappen, paid_on = coalesce(s.paid_on, p.paid_on),
    payout_reference = coalesce(s.payout_reference, p.payout_reference)
  FROM (
    SELECT token, count(r.line) AS deb_rows, coalesce(sum(r.amount_rappen), 0) AS rappen,
      min(r.paid_on) AS paid_on, min(r.payout_reference) AS payout_reference
    FROM unnest(concerned) AS token
    LEFT JOIN payout_row r ON r.practice_id = ANY (whose) AND r.payout_token = token
    GROUP BY token) AS s
  WHERE p.account_id = account AND p.payout_token = s.token;
  UPDATE bank_entry b SET payout_token = m.payout_token, is_unmatched = m.is_unmatched
  FROM (
    SELECT e.entry_id,
      CASE WHEN e.superseded OR d.decision = 'leave' THEN NULL
        WHEN d.entry_id IS NOT NULL THEN d.payout_token
        WHEN named.payouts = 1 THEN named.payout_token END AS payout_token,
      NOT e.superseded AND d.entry_id IS NULL AND CASE WHEN e.from_factor
        THEN named.payouts <> 1 ELSE named.payouts > 1 END AS is_unmatched
    FROM bank_entry e LEFT JOIN bank_entry_decision d USING (entry_id)
    CROSS JOIN LATERAL (
      SELECT count(*) AS payouts, min(p.payout_token) AS payout_token FROM payout p
      WHERE p.account_id = account AND p.payout_token = ANY (e.tokens) AND p.deb_rows > 0
    ) AS named
    WHERE e.entry_id = ANY (touched)) AS m
  WHERE b.entry_id = m.entry_id
    AND (b.payout_token, b.is_unmatched) IS DISTINCT FROM (m.payout_token, m.is_unmatched);
  UPDATE payout p SET entries = s.entries, received_rappen = s.rappen
  FROM (
    SELECT token, count(b.entry_id) AS entries, coalesce(sum(b.amount_rappen), 0) AS rappen
    FROM unnest(concerned) AS token
    LEFT JOIN bank_entry b ON b.account_id = account AND b.payout_token = token
    GROUP BY token) AS s
  WHERE p.account_id = account AND p.payout_token = s.token
    AND (p.entries, p.received_rappen) IS DISTINCT FROM (s.entries, s.rappen);
  PERFORM set_config('quittance.system', coalesce(scope, ''), true);
END $$""",
    """CREATE FUNCTION refresh_payouts_of(practice uuid, wanted text[]) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  scope text := current_setting('quittance.system', true);
  account uuid;
BEGIN
  PERFORM set_config('quittance.system', 'on', true);
  FOR account IN
    SELECT account_id FROM bank_account WHERE practice = ANY (practice_ids) ORDER BY account_id
  LOOP
    PERFORM refresh_payouts(account, wanted, '{}');
  END LOOP;
  PERFORM set_config('quittance.system', coalesce(scope, ''), true);
END $$""",
    # Every change of what a row counts for ends with its file going on to another state.
    """CREATE FUNCTION deb_file_moves_payouts() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
  scope text := current_setting('quittance.system', true);
BEGIN
  PERFORM set_config('quittance.system', 'on', true);
  IF EXISTS (SELECT FROM bank_account WHERE NEW.practice_id = ANY (practice_ids)) THEN
    PERFORM refresh_payouts_of(NEW.practice_id, ARRAY(
      SELECT DISTINCT payout_token FROM deb_row
      WHERE deb_file_id = NEW.deb_file_id AND payout_token IS NOT NULL));
  END IF;
  PERFORM set_config('quittance.system', coalesce(scope, ''), true);
  RETURN NULL;
END $$""",
    """CREATE FUNCTION deb_rows_gone() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
  scope text := current_setting('quittance.system', true);
BEGIN
  PERFORM set_config('quittance.system', 'on', true);
  PERFORM refresh_payouts_of(practice_id, array_agg(DISTINCT payout_token))
  FROM gone WHERE payout_token IS NOT NULL GROUP BY practice_id;
  PERFORM set_config('quittance.system', coalesce(scope, ''), true);
  RETURN NULL;
END $$""",
    """CREATE FUNCTION bank_entry_moves_payouts() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
  scope text := current_setting('quittance.system', true);
BEGIN
  PERFORM set_config('quittance.system', 'on', true);
  INSERT INTO bank_entry_token (account_id, token, entry_id, practice_ids)
  SELECT DISTINCT NEW.account_id, token, NEW.entry_id, NEW.practice_ids
  FROM unnest(NEW.tokens) AS token
  ON CONFLICT DO NOTHING;
  UPDATE bank_account SET known_from = NEW.value_on
  WHERE account_id = NEW.account_id AND coalesce(known_from > NEW.value_on, true);
  PERFORM refresh_payouts(NEW.account_id, '{}', ARRAY[NEW.entry_id]);
  PERFORM set_config('quittance.system', coalesce(scope, ''), true);
  RETURN NULL;
END $$""",
    """CREATE FUNCTION bank_entry_decision_moves_payouts() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
  scope text := current_setting('quittance.system', true);
  account uuid;
BEGIN
  PERFORM set_config('quittance.system', 'on', true);
  SELECT account_id INTO account FROM bank_entry WHERE entry_id = NEW.entry_id;
  INSERT INTO bank_entry_token (account_id, token, entry_id, practice_ids)
  SELECT account, NEW.payout_token, NEW.entry_id, NEW.practice_ids
  WHERE NEW.payout_token IS NOT NULL
  ON CONFLICT DO NOTHING;
  PERFORM refresh_payouts(account, '{}', ARRAY[NEW.entry_id]);
  PERFORM set_config('quittance.system', coalesce(scope, ''), true);
  RETURN NULL;
END $$""",
    """CREATE FUNCTION bank_account_moves_payouts() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
  scope text := current_setting('quittance.system', true);
BEGIN
  PERFORM set_config('quittance.system', 'on', true);
  UPDATE payout SET practice_ids = NEW.practice_ids WHERE account_id = NEW.account_id;
  PERFORM refresh_payouts(NEW.account_id,
    ARRAY(SELECT payout_token FROM payout WHERE account_id = NEW.account_id
          UNION SELECT payout_token FROM deb_row
          WHERE practice_id = ANY (NEW.practice_ids) AND payout_token IS NOT NULL),
    ARRAY(SELECT entry_id FROM bank_entry WHERE account_id = NEW.account_id));
  PERFORM set_config('quittance.system', coalesce(scope, ''), true);
  RETURN NULL;
END $$""",
)

_DEFERRED = "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW"
_TRIGGERS = (
    f"""CREATE CONSTRAINT TRIGGER deb_file_moves_payouts AFTER UPDATE OF status ON deb_file
  {_DEFERRED} WHEN (OLD.status IS DISTINCT FROM NEW.status)
  EXECUTE FUNCTION deb_file_moves_payouts()""",
    """CREATE TRIGGER deb_rows_gone AFTER DELETE ON deb_row
  REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION deb_rows_gone()""",
    f"""CREATE CONSTRAINT TRIGGER bank_entry_moves_payouts
  AFTER INSERT OR UPDATE OF superseded ON bank_entry
  {_DEFERRED} EXECUTE FUNCTION bank_entry_moves_payouts()""",
    f"""CREATE CONSTRAINT TRIGGER bank_entry_decision_moves_payouts
  AFTER INSERT ON bank_entry_decision
  {_DEFERRED} EXECUTE FUNCTION bank_entry_decision_moves_payouts()""",
    f"""CREATE CONSTRAINT TRIGGER bank_account_moves_payouts
  AFTER INSERT OR UPDATE OF practice_ids ON bank_account
  {_DEFERRED} EXECUTE FUNCTION bank_account_moves_payouts()""",
)

_WHAT_IS_THERE = (
    "SELECT set_config('quittance.system', 'on', true)",
    """INSERT INTO bank_entry_token (account_id, token, entry_id, practice_ids)
  SELECT DISTINCT e.account_id, token, e.entry_id, e.practice_ids
  FROM bank_entry e LEFT JOIN bank_entry_decision d USING (entry_id),
    unnest(e.tokens || d.payout_token) AS token
  WHERE token IS NOT NULL""",
    """UPDATE bank_account a SET known_from = (
    SELECT min(value_on) FROM bank_entry e WHERE e.account_id = a.account_id)""",
    """SELECT refresh_payouts(a.account_id,
    ARRAY(SELECT DISTINCT payout_token FROM deb_row
          WHERE practice_id = ANY (a.practice_ids) AND payout_token IS NOT NULL),
    ARRAY(SELECT entry_id FROM bank_entry e WHERE e.account_id = a.account_id))
  FROM bank_account a ORDER BY a.account_id""",
    # A parked row that becomes a conflict is the same thing to persons; one desk for both.
    """INSERT INTO exception_desk (kind, key, practice_ids, assignee)
  SELECT 'parked-row', key, practice_ids, assignee FROM exception_desk WHERE kind = 'conflict'
  ON CONFLICT ON CONSTRAINT exception_desk_pk DO UPDATE
    SET assignee = coalesce(excluded.assignee, exception_desk.assignee)""",
    "SELECT set_config('quittance.system', '', true)",
)

STATEMENTS_V1: tuple[str, ...] = (
    _PAYOUT_ROW,
    *_PAYOUT,
    *_ENTRIES,
    *_FUNCTIONS,
    *_WHAT_IS_THERE,
    # Behind the rows that are there: a table with changes that wait for a trigger takes no DDL.
    *_TRIGGERS,
    "ALTER TABLE reported_exception ADD COLUMN service text, ADD COLUMN event_id uuid",
)
"""Statements of version 1, in order. A change comes as STATEMENTS_V2, never as an edit."""
