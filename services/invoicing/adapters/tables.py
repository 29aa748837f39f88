"""The tables of invoicing as SQLAlchemy Core sees them; the migrations are what creates them."""

from __future__ import annotations

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Integer,
    MetaData,
    Numeric,
    String,
    Table,
    Uuid,
)

METADATA = MetaData()


def _text(*names: str) -> list[Column[str]]:
    return [Column(name, String) for name in names]


def _ids(*names: str) -> list[Column[object]]:
    return [Column(name, Uuid) for name in names]


def _whole(*names: str) -> list[Column[int]]:
    return [Column(name, BigInteger) for name in names]


practice = Table(
    "practice",
    METADATA,
    *_ids("practice_id"),
    *_text("name", "street", "house_no", "zip", "city", "country", "gln", "zsr", "uid", "canton"),
    *_text("language", "iban"),
    Column("round_to_five", Boolean),
    Column("version", Integer),
)
contract = Table(
    "contract",
    METADATA,
    *_ids("practice_id", "contract_id"),
    Column("version", Integer),
    Column("active", Boolean),
    *_text("factor", "factor_name", "factor_street", "factor_house_no", "factor_zip"),
    *_text("factor_city", "factor_gln", "account_number", "ledger_account", "acquittal_label"),
    *_text("qr_iban", "invoice_format", "factor_country"),
    Column("payout_term_days", Integer),
    *_text("payout_basis", "reminder_fee_beneficiary"),
    Column("loss_cover", Boolean),
    *_text("acquittal", "portal_adapter"),
    Column("arrival_check_after_seconds", Integer),
    Column("arrival_poll_interval_seconds", Integer),
    Column("arrival_deadline_working_days", Integer),
    Column("deb_poll_interval_seconds", Integer),
    *_text("deb_layout", "deb_booking"),
    Column("payment_order", ARRAY(String)),
)
provider = Table(
    "provider",
    METADATA,
    *_ids("practice_id", "provider_id"),
    *_text("gln", "zsr", "title", "family_name", "given_name"),
    Column("version", Integer),
)
patient = Table(
    "patient",
    METADATA,
    *_ids("practice_id", "patient_id"),
    *_text("patient_number", "family_name", "given_name"),
    Column("birth_date", Date),
    *_text("sex", "gender", "ssn", "language", "street", "house_no", "zip", "city"),
    *_text("country", "debtor_country"),
    *_text("debtor_number", "debtor_family_name", "debtor_given_name"),
    *_text("debtor_company_name", "debtor_department", "debtor_contact_person"),
    *_text("debtor_street", "debtor_house_no", "debtor_zip", "debtor_city"),
    Column("version", Integer),
)
treatment = Table(
    "treatment",
    METADATA,
    *_ids("practice_id", "treatment_id", "patient_id", "provider_id"),
    Column("begun_on", Date),
    Column("ended_on", Date),
    *_text("reason", "remark"),
    *_whole("total_rappen"),
)
treatment_position = Table(
    "treatment_position",
    METADATA,
    *_ids("practice_id", "treatment_id"),
    Column("place", Integer),
    *_text("tariff_type", "code", "text"),
    Column("performed_on", Date),
    Column("quantity", Numeric),
    Column("points", Numeric),
    Column("point_value", Numeric),
    Column("vat_rate", Numeric),
    *_text("tooth"),
    *_whole("amount_rappen"),
)
known_order = Table(
    "known_order",
    METADATA,
    *_ids("order_id", "practice_id", "contract_id"),
    *_text("order_number"),
    Column("prepared_at", DateTime(timezone=True)),
    Column("sent_at", DateTime(timezone=True)),
)
placement = Table(
    "placement",
    METADATA,
    *_ids("practice_id", "order_id", "invoice_id"),
    *_whole("amount_rappen"),
    *_text("outcome", "refusal_code"),
    Column("notices", ARRAY(String)),
)
invoice = Table(
    "invoice",
    METADATA,
    *_ids("practice_id", "invoice_id"),
    Column("year", Integer),
    Column("serial", Integer),
    *_text("invoice_number"),
    *_ids("contract_id", "patient_id"),
    *_text("patient_number", "debtor_number", "qr_reference"),
    Column("issued_at", DateTime(timezone=True)),
    Column("issued_on", Date),
    Column("due_on", Date),
    *_text("language"),
    *_whole("total_rappen", "deposit_rappen"),
    Column("discount_percent", Numeric(5, 2)),
    *_text("document_key", "document_sha256"),
    *_whole("document_size_bytes"),
    *_text("document_media_type", "document_format"),
    *_text("tiers", "insurer_gln", "insurer_company_name", "insurer_department"),
    *_text("insurer_contact_person", "insurer_street", "insurer_house_no", "insurer_zip"),
    *_text("insurer_city", "insurer_country", "law", "insured_number", "case_number"),
    Column("case_date", Date),
    Column("unfit_codes", ARRAY(String)),
    *_text("state"),
    *_ids("order_id"),
    *_text("refusal_code"),
    Column("with_factor", Boolean),
    Column("finished", Boolean),
    Column("given_back_by", Uuid),
    *_whole("principal_rappen", "reminder_fees_rappen", "interest_rappen", "costs_rappen"),
    *_whole("factor_owes_rappen", "debtor_paid_rappen", "credited_rappen", "ledger_sequence"),
    *_text("collection_stage"),
    Column("collection_since", Date),
    Column("reminder_level", Integer),
)
invoice_treatment = Table(
    "invoice_treatment",
    METADATA,
    *_ids("practice_id", "treatment_id", "invoice_id"),
    Column("released", Boolean),
)
invoice_history = Table(
    "invoice_history",
    METADATA,
    *_ids("practice_id", "invoice_id"),
    *_text("kind"),
    Column("occurred_on", Date),
    *_ids("cause_id"),
    Column("place", Integer),
    *_whole("amount_rappen"),
    *_ids("order_id", "deb_file_id"),
    *_text("code"),
    Column("level", Integer),
    *_text("reverses"),
)
imported_invoice = Table(
    "imported_invoice",
    METADATA,
    *_ids("practice_id", "invoice_id", "import_id"),
    *_text("document_number", "file_name", "version", "content_sha256"),
    Column("imported_at", DateTime(timezone=True)),
    Column("namesake_ids", ARRAY(Uuid)),
)
import_conflict = Table(
    "import_conflict",
    METADATA,
    *_ids("practice_id", "conflict_id", "invoice_id", "contract_id"),
    *_text("invoice_number", "file_name", "document_key", "document_sha256"),
    *_whole("document_size_bytes"),
    *_text("document_media_type"),
    Column("found_at", DateTime(timezone=True)),
    *_text("decision"),
    Column("decided_at", DateTime(timezone=True)),
    *_text("decided_by"),
    *_ids("replacement_id"),
    Column("over_cancelled", Boolean),
)
