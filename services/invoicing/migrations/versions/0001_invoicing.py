"""Practices, contracts, people, treatments, invoices and what became of them."""

from __future__ import annotations

from alembic import op

from shared.db.rls import append_only_ddl, practice_scope_ddl
from shared.messaging.schema import MESSAGING_TABLES_V1
from shared.web.schema import WEB_TABLES_V1

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

RUNTIME_ROLE = "invoicing"
# What may change of an invoice after its issue; the rest is fixed, by privilege.
STANDING_COLUMNS = (
    "state, order_id, refusal_code, with_factor, finished, principal_rappen,"
    " reminder_fees_rappen, interest_rappen, costs_rappen, factor_owes_rappen,"
    " debtor_paid_rappen, credited_rappen, ledger_sequence"
)

_PRACTICES = (
    """CREATE TABLE practice (
  practice_id uuid PRIMARY KEY,
  name text NOT NULL CONSTRAINT practice_name_length CHECK (length(name) BETWEEN 1 AND 35),
  street text NOT NULL,
  house_no text,
  zip text NOT NULL,
  city text NOT NULL,
  gln text NOT NULL CONSTRAINT practice_gln_once UNIQUE
    CONSTRAINT practice_gln_form CHECK (gln ~ '^[0-9]{13}$'),
  zsr text CONSTRAINT practice_zsr_form CHECK (zsr ~ '^[A-Z][0-9]{6}$'),
  uid text CONSTRAINT practice_uid_form CHECK (uid ~ '^CHE[0-9]{9}$'),
  canton text NOT NULL CONSTRAINT practice_canton_form CHECK (canton ~ '^[A-Z]{2}$'),
  language text NOT NULL CONSTRAINT practice_language CHECK (language IN ('de', 'fr', 'it')),
  iban text NOT NULL
    CONSTRAINT practice_iban_form CHECK (iban ~ '^(CH|LI)[0-9]{7}[0-9A-Z]{12}$')
    CONSTRAINT practice_iban_is_no_qr_iban
    CHECK (substr(iban, 5, 5) NOT BETWEEN '30000' AND '31999')
)""",
    """CREATE TABLE contract (
  practice_id uuid NOT NULL CONSTRAINT contract_practice REFERENCES practice,
  contract_id uuid NOT NULL,
  version integer NOT NULL CONSTRAINT contract_version_counts CHECK (version >= 1),
  active boolean NOT NULL,
  factor text NOT NULL,
  factor_name text NOT NULL,
  factor_street text NOT NULL,
  factor_house_no text,
  factor_zip text NOT NULL,
  factor_city text NOT NULL,
  factor_gln text NOT NULL CONSTRAINT contract_factor_gln_form CHECK (factor_gln ~ '^[0-9]{13}$'),
  account_number text NOT NULL,
  ledger_account text NOT NULL
    CONSTRAINT contract_ledger_account_form CHECK (ledger_account ~ '^[0-9]{4}$'),
  acquittal_label text NOT NULL,
  qr_iban text NOT NULL CONSTRAINT contract_qr_iban_is_one
    CHECK (qr_iban ~ '^(CH|LI)[0-9]{2}3[01][0-9]{3}[0-9A-Z]{12}$'),
  payout_term_days integer NOT NULL
    CONSTRAINT contract_payout_term CHECK (payout_term_days BETWEEN 0 AND 365),
  payout_basis text NOT NULL
    CONSTRAINT contract_payout_basis CHECK (payout_basis IN ('gross', 'net')),
  reminder_fee_beneficiary text NOT NULL CONSTRAINT contract_reminder_fee_beneficiary
    CHECK (reminder_fee_beneficiary IN ('factor', 'practice')),
  loss_cover boolean NOT NULL,
  acquittal text NOT NULL
    CONSTRAINT contract_acquittal CHECK (acquittal IN ('automatic', 'manual')),
  portal_adapter text NOT NULL
    CONSTRAINT contract_portal_adapter CHECK (portal_adapter IN ('http', 'sftp', 'manual')),
  arrival_check_after_seconds integer NOT NULL
    CONSTRAINT contract_check_after CHECK (arrival_check_after_seconds >= 0),
  arrival_poll_interval_seconds integer NOT NULL
    CONSTRAINT contract_poll_interval CHECK (arrival_poll_interval_seconds >= 1),
  arrival_deadline_working_days integer NOT NULL
    CONSTRAINT contract_deadline CHECK (arrival_deadline_working_days BETWEEN 1 AND 30),
  deb_poll_interval_seconds integer NOT NULL
    CONSTRAINT contract_deb_poll CHECK (deb_poll_interval_seconds >= 1),
  deb_layout text NOT NULL,
  PRIMARY KEY (practice_id, contract_id),
  CONSTRAINT contract_account_once UNIQUE (practice_id, factor_gln, account_number)
)""",
)
_PEOPLE = (
    """CREATE TABLE provider (
  practice_id uuid NOT NULL CONSTRAINT provider_practice REFERENCES practice,
  provider_id uuid NOT NULL,
  gln text NOT NULL CONSTRAINT provider_gln_form CHECK (gln ~ '^[0-9]{13}$'),
  zsr text CONSTRAINT provider_zsr_form CHECK (zsr ~ '^[A-Z][0-9]{6}$'),
  title text,
  family_name text NOT NULL,
  given_name text NOT NULL,
  PRIMARY KEY (practice_id, provider_id),
  CONSTRAINT provider_gln_once UNIQUE (practice_id, gln)
)""",
    """CREATE TABLE patient (
  practice_id uuid NOT NULL CONSTRAINT patient_practice REFERENCES practice,
  patient_id uuid NOT NULL,
  patient_number text NOT NULL
    CONSTRAINT patient_number_length CHECK (length(patient_number) BETWEEN 1 AND 20),
  family_name text NOT NULL,
  given_name text NOT NULL,
  birth_date date NOT NULL,
  sex text NOT NULL CONSTRAINT patient_sex CHECK (sex IN ('male', 'female')),
  gender text NOT NULL CONSTRAINT patient_gender CHECK (gender IN ('male', 'female', 'diverse')),
  ssn text CONSTRAINT patient_ssn_form
    CHECK (ssn ~ '^([0-9]{4,10}|756[0-9]{10}|438[0-9]{10})$'),
  language text CONSTRAINT patient_language CHECK (language IN ('de', 'fr', 'it')),
  street text,
  house_no text,
  zip text,
  city text,
  debtor_number text,
  debtor_family_name text,
  debtor_given_name text,
  debtor_street text,
  debtor_house_no text,
  debtor_zip text,
  debtor_city text,
  PRIMARY KEY (practice_id, patient_id),
  CONSTRAINT patient_number_once UNIQUE (practice_id, patient_number),
  CONSTRAINT patient_address_whole CHECK ((zip IS NULL) = (city IS NULL)),
  CONSTRAINT patient_debtor_address_whole CHECK ((debtor_zip IS NULL) = (debtor_city IS NULL)),
  CONSTRAINT patient_guarantor_whole CHECK (
    num_nulls(debtor_number, debtor_family_name, debtor_given_name) IN (0, 3))
)""",
)
_TREATMENTS = (
    """CREATE TABLE treatment (
  practice_id uuid NOT NULL,
  treatment_id uuid NOT NULL,
  patient_id uuid NOT NULL,
  provider_id uuid NOT NULL,
  begun_on date NOT NULL,
  ended_on date NOT NULL,
  reason text NOT NULL CONSTRAINT treatment_reason CHECK (
    reason IN ('disease', 'accident', 'maternity', 'prevention', 'birthdefect', 'unknown')),
  remark text,
  total_rappen bigint NOT NULL CONSTRAINT treatment_total_not_negative CHECK (total_rappen >= 0),
  PRIMARY KEY (practice_id, treatment_id),
  CONSTRAINT treatment_dates CHECK (begun_on <= ended_on),
  CONSTRAINT treatment_patient FOREIGN KEY (practice_id, patient_id) REFERENCES patient,
  CONSTRAINT treatment_provider FOREIGN KEY (practice_id, provider_id) REFERENCES provider
)""",
    "CREATE INDEX treatment_by_patient ON treatment (practice_id, patient_id, begun_on)",
    """CREATE TABLE treatment_position (
  practice_id uuid NOT NULL,
  treatment_id uuid NOT NULL,
  place integer NOT NULL CONSTRAINT treatment_position_place CHECK (place >= 1),
  tariff_type text NOT NULL
    CONSTRAINT treatment_position_tariff CHECK (tariff_type ~ '^[0-9A-Z]{3}$'),
  code text NOT NULL,
  text text NOT NULL,
  performed_on date NOT NULL,
  quantity numeric(7, 3) NOT NULL
    CONSTRAINT treatment_position_quantity CHECK (quantity > 0),
  points numeric(8, 2) NOT NULL CONSTRAINT treatment_position_points CHECK (points >= 0),
  point_value numeric(7, 4) NOT NULL
    CONSTRAINT treatment_position_value CHECK (point_value > 0),
  vat_rate numeric(5, 2) NOT NULL
    CONSTRAINT treatment_position_vat CHECK (vat_rate BETWEEN 0 AND 100),
  tooth text,
  amount_rappen bigint NOT NULL CONSTRAINT treatment_position_amount_is_exact
    CHECK (amount_rappen = round(points * point_value * quantity * 100)),
  PRIMARY KEY (practice_id, treatment_id, place),
  CONSTRAINT treatment_position_treatment
    FOREIGN KEY (practice_id, treatment_id) REFERENCES treatment
)""",
)
_INVOICES = (
    """CREATE TABLE invoice_counter (
  practice_id uuid NOT NULL CONSTRAINT invoice_counter_practice REFERENCES practice,
  year integer NOT NULL,
  last integer NOT NULL CONSTRAINT invoice_counter_range CHECK (last BETWEEN 1 AND 9999999),
  PRIMARY KEY (practice_id, year)
)""",
    """CREATE TABLE known_order (
  order_id uuid PRIMARY KEY,
  practice_id uuid NOT NULL,
  contract_id uuid NOT NULL,
  order_number text NOT NULL,
  prepared_at timestamptz NOT NULL,
  CONSTRAINT known_order_of_practice UNIQUE (practice_id, order_id)
)""",
    """CREATE TABLE invoice (
  practice_id uuid NOT NULL CONSTRAINT invoice_practice REFERENCES practice,
  invoice_id uuid NOT NULL CONSTRAINT invoice_id_once UNIQUE,
  year integer NOT NULL,
  serial integer NOT NULL CONSTRAINT invoice_serial_counts CHECK (serial >= 1),
  invoice_number text NOT NULL,
  contract_id uuid,
  patient_id uuid NOT NULL,
  patient_number text NOT NULL,
  debtor_number text NOT NULL,
  qr_reference text CONSTRAINT invoice_qr_reference_form CHECK (qr_reference ~ '^[0-9]{27}$'),
  issued_at timestamptz NOT NULL,
  issued_on date NOT NULL,
  due_on date NOT NULL,
  language text NOT NULL CONSTRAINT invoice_language CHECK (language IN ('de', 'fr', 'it')),
  total_rappen bigint NOT NULL CONSTRAINT invoice_total_not_negative CHECK (total_rappen >= 0),
  deposit_rappen bigint NOT NULL,
  document_key text NOT NULL,
  document_sha256 text NOT NULL
    CONSTRAINT invoice_document_hash CHECK (document_sha256 ~ '^[0-9a-f]{64}$'),
  document_size_bytes bigint NOT NULL
    CONSTRAINT invoice_document_size CHECK (document_size_bytes > 0),
  document_media_type text NOT NULL,
  unfit_codes text[] NOT NULL,
  state text NOT NULL
    CONSTRAINT invoice_state CHECK (state IN ('issued', 'ordered', 'acquitted', 'closed')),
  order_id uuid,
  refusal_code text,
  with_factor boolean NOT NULL DEFAULT false,
  finished boolean NOT NULL DEFAULT false,
  principal_rappen bigint NOT NULL,
  reminder_fees_rappen bigint NOT NULL DEFAULT 0,
  interest_rappen bigint NOT NULL DEFAULT 0,
  costs_rappen bigint NOT NULL DEFAULT 0,
  factor_owes_rappen bigint NOT NULL DEFAULT 0,
  debtor_paid_rappen bigint NOT NULL,
  credited_rappen bigint NOT NULL DEFAULT 0,
  ledger_sequence bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (practice_id, invoice_id),
  CONSTRAINT invoice_number_once UNIQUE (practice_id, invoice_number),
  CONSTRAINT invoice_serial_once UNIQUE (practice_id, year, serial),
  CONSTRAINT invoice_qr_reference_once UNIQUE (practice_id, qr_reference),
  CONSTRAINT invoice_contract FOREIGN KEY (practice_id, contract_id) REFERENCES contract,
  CONSTRAINT invoice_patient FOREIGN KEY (practice_id, patient_id) REFERENCES patient,
  CONSTRAINT invoice_order FOREIGN KEY (practice_id, order_id)
    REFERENCES known_order (practice_id, order_id),
  CONSTRAINT invoice_deposit_within_total CHECK (deposit_rappen BETWEEN 0 AND total_rappen),
  CONSTRAINT invoice_due_after_issue CHECK (due_on >= issued_on),
  CONSTRAINT invoice_reference_with_contract
    CHECK ((contract_id IS NULL) = (qr_reference IS NULL)),
  CONSTRAINT invoice_order_while_ordered CHECK ((state = 'issued') = (order_id IS NULL)),
  CONSTRAINT invoice_asterisk_needs_acquittal
    CHECK (NOT with_factor OR state IN ('acquitted', 'closed'))
)""",
    "CREATE INDEX invoice_by_order ON invoice (order_id) WHERE order_id IS NOT NULL",
    "CREATE INDEX invoice_by_patient ON invoice (practice_id, patient_id)",
    # The primary key is the rule: a treatment is billed once.
    """CREATE TABLE invoice_treatment (
  practice_id uuid NOT NULL,
  treatment_id uuid NOT NULL,
  invoice_id uuid NOT NULL,
  CONSTRAINT treatment_billed_once PRIMARY KEY (practice_id, treatment_id),
  CONSTRAINT invoice_treatment_treatment
    FOREIGN KEY (practice_id, treatment_id) REFERENCES treatment,
  CONSTRAINT invoice_treatment_invoice FOREIGN KEY (practice_id, invoice_id) REFERENCES invoice
)""",
    "CREATE INDEX invoice_treatment_by_invoice ON invoice_treatment (practice_id, invoice_id)",
    """CREATE TABLE placement (
  practice_id uuid NOT NULL,
  order_id uuid NOT NULL,
  invoice_id uuid NOT NULL,
  amount_rappen bigint NOT NULL,
  outcome text CONSTRAINT placement_outcome CHECK (outcome IN ('accepted', 'refused')),
  refusal_code text,
  PRIMARY KEY (practice_id, order_id, invoice_id),
  CONSTRAINT placement_order FOREIGN KEY (practice_id, order_id)
    REFERENCES known_order (practice_id, order_id),
  CONSTRAINT placement_invoice FOREIGN KEY (practice_id, invoice_id) REFERENCES invoice,
  CONSTRAINT placement_reason_with_refusal
    CHECK ((outcome IS NOT DISTINCT FROM 'refused') = (refusal_code IS NOT NULL))
)""",
    "CREATE INDEX placement_by_invoice ON placement (practice_id, invoice_id)",
    """CREATE TABLE invoice_history (
  position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  practice_id uuid NOT NULL,
  invoice_id uuid NOT NULL,
  kind text NOT NULL,
  occurred_on date NOT NULL,
  cause_id uuid NOT NULL,
  place integer NOT NULL,
  amount_rappen bigint,
  order_id uuid,
  deb_file_id uuid,
  code text,
  CONSTRAINT invoice_history_invoice FOREIGN KEY (practice_id, invoice_id) REFERENCES invoice,
  CONSTRAINT invoice_history_once UNIQUE (invoice_id, cause_id, place)
)""",
)
_TABLES = (
    "practice",
    "contract",
    "provider",
    "patient",
    "treatment",
    "treatment_position",
    "invoice_counter",
    "known_order",
    "invoice",
    "invoice_treatment",
    "placement",
    "invoice_history",
)
_NEVER_DELETED = ", ".join(table for table in _TABLES if table != "invoice_history")


def upgrade() -> None:
    """Create everything."""
    tables = (*_PRACTICES, *_PEOPLE, *_TREATMENTS, *_INVOICES)
    for statement in (*MESSAGING_TABLES_V1, *WEB_TABLES_V1, *tables):
        op.execute(statement)
    for table in _TABLES:
        for statement in practice_scope_ddl(table):
            op.execute(statement)
    for statement in append_only_ddl("invoice_history", role=RUNTIME_ROLE):
        op.execute(statement)
    op.execute(f"REVOKE DELETE, TRUNCATE ON {_NEVER_DELETED} FROM {RUNTIME_ROLE}")
    op.execute(
        f"REVOKE UPDATE ON invoice, treatment_position, invoice_treatment FROM {RUNTIME_ROLE}"
    )
    op.execute(f"GRANT UPDATE ({STANDING_COLUMNS}) ON invoice TO {RUNTIME_ROLE}")
