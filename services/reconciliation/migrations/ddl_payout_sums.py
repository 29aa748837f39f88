"""DDL of what keeps the sums of payouts: reversals in other files, and statements as a whole.

Version 1. A reversal counts for the payout that it names as long as what it takes back is booked,
so that its payout moves with the *other* row, in whatever file that stands. What a bank's statement
brings moves its payouts once, not once per entry.
"""

from __future__ import annotations

# Tokens of the reversals that name the record on row `o`.
_NAMING = """SELECT r.payout_token FROM deb_row r
      WHERE r.contract_id = o.contract_id AND r.kind = 'reversal'
        AND r.payout_token IS NOT NULL AND r.note = o.record_id"""

_ROWS = (
    """CREATE INDEX deb_row_reversal_settled ON deb_row (contract_id, note)
  WHERE kind = 'reversal' AND payout_token IS NOT NULL""",
    f"""CREATE OR REPLACE FUNCTION deb_file_moves_payouts() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
  scope text := current_setting('quittance.system', true);
BEGIN
  PERFORM set_config('quittance.system', 'on', true);
  IF EXISTS (SELECT FROM bank_account WHERE NEW.practice_id = ANY (practice_ids)) THEN
    PERFORM refresh_payouts_of(NEW.practice_id, ARRAY(
      SELECT payout_token FROM deb_row
      WHERE deb_file_id = NEW.deb_file_id AND payout_token IS NOT NULL
      UNION
      SELECT named.payout_token FROM deb_row o CROSS JOIN LATERAL (
      {_NAMING}) AS named
      WHERE o.deb_file_id = NEW.deb_file_id));
  END IF;
  PERFORM set_config('quittance.system', coalesce(scope, ''), true);
  RETURN NULL;
END $$""",  # noqa: S608 - a constant of ours
    # A person books a parked row of a file that stays as it is.
    f"""CREATE FUNCTION row_decision_moves_payouts() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
  scope text := current_setting('quittance.system', true);
BEGIN
  PERFORM set_config('quittance.system', 'on', true);
  PERFORM refresh_payouts_of(o.practice_id, ARRAY(
    SELECT o.payout_token WHERE o.payout_token IS NOT NULL
    UNION {_NAMING}))
  FROM deb_row o WHERE o.row_id = NEW.row_id;
  PERFORM set_config('quittance.system', coalesce(scope, ''), true);
  RETURN NULL;
END $$""",  # noqa: S608 - a constant of ours
    """CREATE CONSTRAINT TRIGGER row_decision_moves_payouts AFTER INSERT ON row_decision
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.decision = 'book-on-invoice')
  EXECUTE FUNCTION row_decision_moves_payouts()""",
)

_STATEMENTS = (
    "DROP TRIGGER bank_entry_moves_payouts ON bank_entry",
    "DROP FUNCTION bank_entry_moves_payouts()",
    """CREATE FUNCTION bank_entries_move_payouts(changed uuid[]) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  scope text := current_setting('quittance.system', true);
  account uuid;
  moved uuid[];
BEGIN
  PERFORM set_config('quittance.system', 'on', true);
  INSERT INTO bank_entry_token (account_id, token, entry_id, practice_ids)
  SELECT DISTINCT e.account_id, token, e.entry_id, e.practice_ids
  FROM bank_entry e, unnest(e.tokens) AS token
  WHERE e.entry_id = ANY (changed)
  ON CONFLICT DO NOTHING;
  UPDATE bank_account a SET known_from = first.value_on
  FROM (SELECT account_id, min(value_on) AS value_on FROM bank_entry
        WHERE entry_id = ANY (changed) GROUP BY account_id) AS first
  WHERE a.account_id = first.account_id AND coalesce(a.known_from > first.value_on, true);
  FOR account, moved IN
    SELECT account_id, array_agg(entry_id) FROM bank_entry
    WHERE entry_id = ANY (changed) GROUP BY account_id ORDER BY account_id
  LOOP
    PERFORM refresh_payouts(account, '{}', moved);
  END LOOP;
  PERFORM set_config('quittance.system', coalesce(scope, ''), true);
END $$""",
    """CREATE FUNCTION bank_entries_came() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  PERFORM bank_entries_move_payouts(ARRAY(SELECT entry_id FROM later));
  RETURN NULL;
END $$""",
    # What the refresh itself notes of an entry changes nothing here, and ends the recursion.
    """CREATE FUNCTION bank_entries_superseded() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
  changed uuid[] := ARRAY(
    SELECT later.entry_id FROM later JOIN former USING (entry_id)
    WHERE later.superseded IS DISTINCT FROM former.superseded);
BEGIN
  IF cardinality(changed) > 0 THEN
    PERFORM bank_entries_move_payouts(changed);
  END IF;
  RETURN NULL;
END $$""",
    """CREATE TRIGGER bank_entries_came AFTER INSERT ON bank_entry
  REFERENCING NEW TABLE AS later FOR EACH STATEMENT EXECUTE FUNCTION bank_entries_came()""",
    """CREATE TRIGGER bank_entries_superseded AFTER UPDATE ON bank_entry
  REFERENCING OLD TABLE AS former NEW TABLE AS later
  FOR EACH STATEMENT EXECUTE FUNCTION bank_entries_superseded()""",
)

# Sums that went stale before this version.
_MADE_ANEW = (
    "SELECT set_config('quittance.system', 'on', true)",
    """SELECT refresh_payouts(a.account_id,
    ARRAY(SELECT DISTINCT payout_token FROM deb_row
          WHERE practice_id = ANY (a.practice_ids) AND payout_token IS NOT NULL),
    ARRAY(SELECT entry_id FROM bank_entry e WHERE e.account_id = a.account_id))
  FROM bank_account a ORDER BY a.account_id""",
    "SELECT set_config('quittance.system', '', true)",
)

STATEMENTS_V1: tuple[str, ...] = (*_ROWS, *_STATEMENTS, *_MADE_ANEW)
"""Statements of version 1, in order. A change comes as STATEMENTS_V2, never as an edit."""
