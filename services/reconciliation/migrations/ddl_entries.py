"""DDL of how entries are judged where they come with all that belongs to them, version 1.

An entry holds the hash of the one before it; until now that hash was only held to be unique. Each
number is taken once, so that the chain cannot fork. The first entry follows the head, in a preview
one of its own. Postings are summed where they come, without being looked up again.
"""

from __future__ import annotations

STATEMENTS_V1: tuple[str, ...] = (
    # What a statement adds to an entry adds up to nothing; so, from its first postings on, does the
    # entry. How many it has is asked of the entry.
    """CREATE OR REPLACE FUNCTION postings_are_balanced() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  wrong record;
BEGIN
  SELECT entry_id, count(*) AS lines, sum(amount_rappen) AS rest INTO wrong
  FROM fresh GROUP BY entry_id HAVING sum(amount_rappen) <> 0 LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'entry % has % postings and is out of balance by % Rappen',
      wrong.entry_id, wrong.lines, wrong.rest USING ERRCODE = 'check_violation',
      CONSTRAINT = 'posting_balances';
  END IF;
  RETURN NULL;
END $$""",
    "ALTER TABLE journal_entry DROP CONSTRAINT journal_chain_does_not_fork",
    """CREATE FUNCTION entries_follow_the_chain() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  lost record;
BEGIN
  SELECT fresh.number INTO lost
  FROM fresh LEFT JOIN LATERAL (
    SELECT e.entry_hash FROM journal_entry e
    WHERE e.practice_id = fresh.practice_id AND e.number = fresh.number - 1 LIMIT 1) AS last ON true
  WHERE fresh.previous_hash IS DISTINCT FROM coalesce(last.entry_hash, (
    SELECT h.entry_hash FROM journal_head h
    WHERE h.practice_id = fresh.practice_id AND h.number = fresh.number - 1))
  LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'entry % violates "journal_chain_does_not_fork": it does not follow the last',
      lost.number USING ERRCODE = 'check_violation', CONSTRAINT = 'journal_chain_does_not_fork';
  END IF;
  RETURN NULL;
END $$""",
    """CREATE TRIGGER journal_chain_does_not_fork AFTER INSERT ON journal_entry
  REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION entries_follow_the_chain()""",
)
"""Statements of version 1, in order. A change comes as STATEMENTS_V2, never as an edit."""
