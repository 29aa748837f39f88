"""The gateway's tables as SQLAlchemy Core sees them; the migrations own their constraints."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Integer,
    Interval,
    LargeBinary,
    MetaData,
    Table,
    Text,
    Uuid,
)

METADATA = MetaData()


def _at(name: str) -> Column[object]:
    return Column(name, DateTime(timezone=True))


CONTRACT_TERMS = Table(
    "contract_terms",
    METADATA,
    Column("contract_id", Uuid, primary_key=True),
    Column("practice_id", Uuid),
    Column("version", Integer),
    Column("account_number", Text),
    Column("adapter", Text),
    Column("arrival_check_after", Interval),
    Column("arrival_poll_interval", Interval),
    Column("deb_poll_interval", Interval),
    Column("deb_layout", Text),
)
PORTAL_CREDENTIALS = Table(
    "portal_credentials",
    METADATA,
    Column("practice_id", Uuid, primary_key=True),
    Column("client_id", Text),
    Column("sealed_secret", LargeBinary),
    _at("changed_at"),
)
PORTAL_SFTP_CREDENTIALS = Table(
    "portal_sftp_credentials",
    METADATA,
    Column("practice_id", Uuid, primary_key=True),
    Column("host", Text),
    Column("port", Integer),
    Column("user_name", Text),
    Column("host_key", Text),
    Column("sign_in", Text),
    Column("sealed_secret", LargeBinary),
    _at("changed_at"),
)
TRANSMISSION = Table(
    "transmission",
    METADATA,
    Column("order_id", Uuid, primary_key=True),
    Column("practice_id", Uuid),
    Column("contract_id", Uuid),
    Column("order_number", Text),
    Column("invoice_count", Integer),
    Column("package_key", Text),
    Column("package_sha256", Text),
    Column("package_size_bytes", BigInteger),
    Column("package_media_type", Text),
    Column("lines_key", Text),
    Column("lines_sha256", Text),
    Column("lines_size_bytes", BigInteger),
    Column("lines_media_type", Text),
    _at("prepared_at"),
    Column("state", Text),
    Column("attempts", Integer),
    Column("failures", Integer),
    Column("polls", Integer),
    Column("held", Boolean),
    Column("reason_code", Text),
    Column("portal_reference", Text),
    Column("already_had_it", Boolean),
    _at("sent_at"),
    _at("settled_at"),
    Column("evidence", Text),
    Column("correlation_id", Text),
    _at("next_action_at"),
    _at("lease_until"),
    Column("may_have_left", Boolean),
    Column("withdrawal_asked", Boolean),
    Column("overdue", Boolean),
    Column("waits_for_portal", Boolean),
)
SEND_ATTEMPT = Table(
    "send_attempt",
    METADATA,
    Column("order_id", Uuid, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("practice_id", Uuid),
    _at("began_at"),
    _at("ended_at"),
    Column("outcome", Text),
    Column("reason_code", Text),
)
ARRIVAL_POLL = Table(
    "arrival_poll",
    METADATA,
    Column("order_id", Uuid, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("practice_id", Uuid),
    _at("at"),
    Column("answer", Text),
    Column("reason_code", Text),
)
DEB_CURSOR = Table(
    "deb_cursor",
    METADATA,
    Column("contract_id", Uuid, primary_key=True),
    Column("practice_id", Uuid),
    Column("position", BigInteger),
    _at("next_poll_at"),
    _at("lease_until"),
    Column("problem", Text),
)


def _circuit_columns() -> list[Column[object]]:
    return [
        Column("adapter", Text, primary_key=True),
        Column("address", Text, primary_key=True),
        Column("failures", Integer),
        _at("failing_since"),
        Column("reason_code", Text),
        Column("outage_id", Uuid),
        Column("pauses", Integer),
        _at("next_probe_at"),
        _at("probing_until"),
    ]


PORTAL_CIRCUIT = Table("portal_circuit", METADATA, *_circuit_columns())
ACCOUNT_CIRCUIT = Table(
    "account_circuit",
    METADATA,
    Column("practice_id", Uuid, primary_key=True),
    *_circuit_columns(),
)
DEB_GAP = Table(
    "deb_gap",
    METADATA,
    Column("gap_id", Uuid, primary_key=True),
    Column("practice_id", Uuid),
    Column("contract_id", Uuid),
    Column("first_number", BigInteger),
    Column("last_number", BigInteger),
    Column("seen_number", BigInteger),
    Column("reason_code", Text),
    _at("noticed_at"),
    _at("resolved_at"),
)
DEB_FILE = Table(
    "deb_file",
    METADATA,
    Column("deb_file_id", Uuid, primary_key=True),
    Column("practice_id", Uuid),
    Column("contract_id", Uuid),
    Column("name", Text),
    Column("layout", Text),
    Column("content_key", Text),
    Column("sha256", Text),
    Column("size_bytes", BigInteger),
    Column("media_type", Text),
    _at("fetched_at"),
    Column("source", Text),
    Column("uploaded_by", Text),
)
DEB_LISTING = Table(
    "deb_listing",
    METADATA,
    Column("contract_id", Uuid, primary_key=True),
    Column("portal_file_id", Text, primary_key=True),
    Column("practice_id", Uuid),
    Column("deb_file_id", Uuid),
    Column("position", BigInteger),
    Column("sha256", Text, primary_key=True),
    _at("seen_at"),
)
HAND_REPORT = Table(
    "hand_report",
    METADATA,
    Column("order_id", Uuid, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("practice_id", Uuid),
    Column("reported_by", Text),
    _at("observed_at"),
    Column("reference", Text),
    Column("seen", Text),
    _at("recorded_at"),
)
