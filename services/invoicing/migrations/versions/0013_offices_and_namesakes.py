"""Guarantors that are offices, words by which a guarantor is found, and namesakes of an import.

An imported office without a department had a dash as given name; it becomes an office here, under
the next version of its patient. One whose department stood as given name cannot be told from a
person: it stays, and the next file about it still finds it.
"""

from __future__ import annotations

from alembic import op

from shared.db.rls import practice_scope_ddl

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_NAMES = (
    "debtor_family_name",
    "debtor_given_name",
    "debtor_company_name",
    "debtor_department",
    "debtor_contact_person",
)
_OF_BOTH = ", ".join(_NAMES)
_NEW = ", ".join(f"NEW.{name}" for name in _NAMES)
_OLD = ", ".join(f"OLD.{name}" for name in _NAMES)

_OFFICES = (
    """ALTER TABLE patient
  ADD COLUMN debtor_company_name text,
  ADD COLUMN debtor_department text,
  ADD COLUMN debtor_contact_person text,
  DROP CONSTRAINT patient_guarantor_whole""",
    "SELECT set_config('quittance.system', 'on', true)",
    """UPDATE patient
  SET debtor_company_name = debtor_family_name, debtor_family_name = NULL,
    debtor_given_name = NULL, version = version + 1
  WHERE debtor_given_name = '-'""",
    f"""ALTER TABLE patient ADD CONSTRAINT patient_guarantor_whole CHECK (
  CASE WHEN debtor_number IS NULL THEN num_nonnulls({_OF_BOTH}) = 0
  WHEN debtor_company_name IS NULL THEN
    num_nonnulls(debtor_family_name, debtor_given_name) = 2
    AND num_nonnulls(debtor_department, debtor_contact_person) = 0
  ELSE num_nonnulls(debtor_family_name, debtor_given_name) = 0 END)""",
)
# The name of an office is of several words, and any of them may be what somebody looks for. Like
# the other search forms, the words are kept by the database itself.
_WORDS = (
    """CREATE FUNCTION search_words(given text) RETURNS SETOF text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT w FROM (
    SELECT regexp_split_to_table(search_form(given), '\\s+') AS w
    UNION SELECT regexp_split_to_table(search_form(given), '[^[:alnum:]]+')
  ) AS words WHERE w <> '' $$""",
    """CREATE TABLE debtor_word (
  practice_id uuid NOT NULL,
  patient_id uuid NOT NULL,
  word text COLLATE "C" NOT NULL,
  PRIMARY KEY (practice_id, patient_id, word),
  CONSTRAINT debtor_word_patient FOREIGN KEY (practice_id, patient_id) REFERENCES patient
)""",
    "CREATE INDEX debtor_word_by_word ON debtor_word (practice_id, word)",
    *practice_scope_ddl("debtor_word"),
    f"""INSERT INTO debtor_word (practice_id, patient_id, word)
  SELECT practice_id, patient_id, search_words(concat_ws(' ', {_OF_BOTH}))
  FROM patient WHERE debtor_number IS NOT NULL""",
    f"""CREATE FUNCTION keep_debtor_words() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' THEN
    DELETE FROM debtor_word WHERE practice_id = NEW.practice_id AND patient_id = NEW.patient_id;
  END IF;
  INSERT INTO debtor_word (practice_id, patient_id, word)
    SELECT NEW.practice_id, NEW.patient_id, search_words(concat_ws(' ', {_NEW}));
  RETURN NULL;
END $$""",
    """CREATE TRIGGER patient_debtor_words_new AFTER INSERT ON patient
FOR EACH ROW WHEN (NEW.debtor_number IS NOT NULL) EXECUTE FUNCTION keep_debtor_words()""",
    f"""CREATE TRIGGER patient_debtor_words_changed AFTER UPDATE ON patient
FOR EACH ROW WHEN (({_NEW}) IS DISTINCT FROM ({_OLD})) EXECUTE FUNCTION keep_debtor_words()""",
)
_NAMESAKES = (
    # Who had the name and birth date already, at another address, when the file's patient was new.
    """ALTER TABLE imported_invoice ADD COLUMN namesake_ids uuid[] NOT NULL DEFAULT '{}'""",
    "SELECT set_config('quittance.system', 'off', true)",
)


def upgrade() -> None:
    """Add the office, its words, and the namesakes."""
    for statement in (*_OFFICES, *_WORDS, *_NAMESAKES):
        op.execute(statement)
