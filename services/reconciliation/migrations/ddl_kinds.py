"""DDL of what the factor's reversals, recourse and account movements need, version 1.

A fact is reversed once, by a unique constraint. Only a movement of the factor's current account, or
its reversal, is about no invoice; it never touches an account of role "factor" (P1).
"""

from __future__ import annotations

STATEMENTS_V1: tuple[str, ...] = (
    """ALTER TABLE ledger_account
  DROP CONSTRAINT ledger_account_role_known,
  ADD CONSTRAINT ledger_account_role_known CHECK (role IN (
    'bank', 'factor', 'receivables', 'deposits', 'fees', 'fee-income', 'losses',
    'factor-charges', 'factor-current'))""",
    "SELECT set_config('quittance.system', 'on', true)",
    # Where a contract books on 2009 already, the next number that is free.
    """INSERT INTO ledger_account (practice_id, number, role, name)
SELECT p.practice_id, (
    SELECT candidate::text FROM generate_series(2009, 9999) AS candidate
    WHERE NOT EXISTS (SELECT FROM ledger_account l
                      WHERE l.practice_id = p.practice_id AND l.number = candidate::text)
    ORDER BY candidate LIMIT 1), 'factor-current', 'Current account with the factor'
  FROM practice p""",
    "SELECT set_config('quittance.system', '', true)",
    """ALTER TABLE position_fact
  ALTER COLUMN invoice_id DROP NOT NULL,
  ADD COLUMN reverses uuid
    CONSTRAINT position_fact_reversed_once UNIQUE
    CONSTRAINT position_fact_reverses_a_fact REFERENCES position_fact (fact_id),
  ADD CONSTRAINT position_fact_reversal_names_a_fact CHECK (
    (kind = 'reversal') = (reverses IS NOT NULL)),
  ADD CONSTRAINT position_fact_about_an_invoice CHECK (
    invoice_id IS NOT NULL OR (kind IN ('account_movement', 'reversal')
      AND (principal_rappen, reminder_fees_rappen, interest_rappen, costs_rappen,
           factor_owes_rappen) = (0, 0, 0, 0, 0)))""",
    """CREATE INDEX deb_row_parked_reversal ON deb_row (contract_id, note)
  WHERE status = 'parked' AND kind = 'reversal'""",
    """CREATE INDEX acquittal_ended ON acquittal (invoice_id, acquitted_on) WHERE NOT live""",
)
"""Statements of version 1, in order. A change comes as STATEMENTS_V2, never as an edit."""
