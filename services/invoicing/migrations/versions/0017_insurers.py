"""Invoices that an insurer owes, and the words of its name by which they are found.

Every invoice that is known already is tiers garant. The insurer stands with the invoice, as it was
when that was issued; like the other search forms, its words are kept by the database itself.
"""

from __future__ import annotations

from alembic import op

from shared.db.rls import practice_scope_ddl

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_NAMES = "insurer_company_name, insurer_department, insurer_contact_person"
_NEW = ", ".join(f"NEW.{name}" for name in _NAMES.split(", "))
_ADDRESS = "insurer_street, insurer_house_no, insurer_zip, insurer_city"
_CASE = "insured_number, case_number, case_date"

_STATEMENTS = (
    """ALTER TABLE invoice
  ADD COLUMN tiers text NOT NULL DEFAULT 'garant'
    CONSTRAINT invoice_tiers CHECK (tiers IN ('garant', 'payant', 'soldant')),
  ADD COLUMN insurer_gln text
    CONSTRAINT invoice_insurer_gln CHECK (insurer_gln ~ '^[0-9]{13}$'),
  ADD COLUMN insurer_company_name text,
  ADD COLUMN insurer_department text,
  ADD COLUMN insurer_contact_person text,
  ADD COLUMN insurer_street text,
  ADD COLUMN insurer_house_no text,
  ADD COLUMN insurer_zip text,
  ADD COLUMN insurer_city text,
  ADD COLUMN law text
    CONSTRAINT invoice_law CHECK (law IN ('KVG', 'VVG', 'UVG', 'IVG', 'MVG', 'ORG')),
  ADD COLUMN insured_number text,
  ADD COLUMN case_number text,
  ADD COLUMN case_date date""",
    f"""ALTER TABLE invoice ADD CONSTRAINT invoice_insurance_whole CHECK (
  CASE WHEN tiers = 'garant'
  THEN num_nonnulls(insurer_gln, {_NAMES}, {_ADDRESS}, law, {_CASE}) = 0
  ELSE num_nonnulls(insurer_gln, insurer_company_name, law) = 3 AND deposit_rappen = 0 END)""",
    # What insurers owe is few of many; its condition is the one that the list's filter writes.
    """CREATE INDEX invoice_to_insurer ON invoice (practice_id, year, serial)
  WHERE tiers <> 'garant'""",
    """CREATE TABLE insurer_word (
  practice_id uuid NOT NULL,
  invoice_id uuid NOT NULL,
  word text COLLATE "C" NOT NULL,
  PRIMARY KEY (practice_id, invoice_id, word),
  CONSTRAINT insurer_word_invoice FOREIGN KEY (practice_id, invoice_id) REFERENCES invoice
)""",
    "CREATE INDEX insurer_word_by_word ON insurer_word (practice_id, word)",
    *practice_scope_ddl("insurer_word"),
    f"""CREATE FUNCTION keep_insurer_words() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO insurer_word (practice_id, invoice_id, word)
    SELECT NEW.practice_id, NEW.invoice_id, search_words(concat_ws(' ', {_NEW}));
  RETURN NULL;
END $$""",
    """CREATE TRIGGER invoice_insurer_words AFTER INSERT ON invoice
FOR EACH ROW WHEN (NEW.tiers <> 'garant') EXECUTE FUNCTION keep_insurer_words()""",
)


def upgrade() -> None:
    """Add the columns, the index and the words."""
    for statement in _STATEMENTS:
        op.execute(statement)
