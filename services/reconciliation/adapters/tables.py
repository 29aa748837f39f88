"""The service's tables, as SQLAlchemy Core knows them; the migrations are what creates them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    Uuid,
)
from sqlalchemy.types import TypeEngine

METADATA = MetaData()
_INSTANT = DateTime(timezone=True)
_Types = TypeEngine[Any] | type[TypeEngine[Any]]


def table_of(table: str, /, **columns: _Types) -> Table:
    """Return a table by its name and the types of the columns that are inserted."""
    return Table(table, METADATA, *(Column(column, kind) for column, kind in columns.items()))


PRACTICE = table_of(
    "practice", practice_id=Uuid, gln=Text, canton=Text, language=Text, registered_at=_INSTANT
)
LEDGER_ACCOUNT = table_of("ledger_account", practice_id=Uuid, number=Text, role=Text, name=Text)
CONTRACT = table_of(
    "contract",
    contract_id=Uuid,
    practice_id=Uuid,
    version=Integer,
    active=Boolean,
    factor=Text,
    account_number=Text,
    ledger_account=Text,
    acquittal_label=Text,
    acquittal=Text,
    payout_basis=Text,
    reminder_fee_beneficiary=Text,
    loss_cover=Boolean,
    deb_layout=Text,
    deb_booking=Text,
    payment_order=Text,
)
INVOICE_POSITION = table_of(
    "invoice_position",
    invoice_id=Uuid,
    practice_id=Uuid,
    invoice_number=Text,
    document_number=Text,
    contract_id=Uuid,
    debtor_number=Text,
    issued_on=Date,
    due_on=Date,
    total_rappen=BigInteger,
    deposit_rappen=BigInteger,
)
PREPARED_ORDER = table_of(
    "prepared_order",
    order_id=Uuid,
    practice_id=Uuid,
    order_number=Text,
    contract_id=Uuid,
    prepared_at=_INSTANT,
    total_rappen=BigInteger,
)
ORDER_CONFIRMATION = table_of(
    "order_confirmation",
    order_id=Uuid,
    practice_id=Uuid,
    order_number=Text,
    contract_id=Uuid,
    accepted_count=Integer,
    accepted_total_rappen=BigInteger,
    refused_count=Integer,
    evidence_kind=Text,
    evidence_reference=Text,
    evidence_observed_at=_INSTANT,
    content_sha256=Text,
    confirmed_at=_INSTANT,
    acquitted_on=Date,
)
CONFIRMATION_LINE = table_of(
    "confirmation_line",
    practice_id=Uuid,
    order_id=Uuid,
    line=Integer,
    invoice_id=Uuid,
    amount_rappen=BigInteger,
    accepted=Boolean,
    refusal_code=Text,
)
JOURNAL_HEAD = table_of("journal_head", practice_id=Uuid, number=BigInteger, entry_hash=Text)
JOURNAL_ENTRY = table_of(
    "journal_entry",
    entry_id=Uuid,
    practice_id=Uuid,
    number=BigInteger,
    entry_date=Date,
    kind=Text,
    label=Text,
    order_id=Uuid,
    deb_file_id=Uuid,
    deb_line=Integer,
    previous_hash=Text,
    entry_hash=Text,
)
POSTING = table_of(
    "posting",
    practice_id=Uuid,
    entry_id=Uuid,
    line=Integer,
    account=Text,
    role=Text,
    amount_rappen=BigInteger,
    invoice_id=Uuid,
    confirmed_order_id=Uuid,
)
ACQUITTAL = table_of(
    "acquittal",
    acquittal_id=Uuid,
    practice_id=Uuid,
    invoice_id=Uuid,
    order_id=Uuid,
    contract_id=Uuid,
    amount_rappen=BigInteger,
    ledger_account=Text,
    label=Text,
    acquitted_on=Date,
    entry_id=Uuid,
    decided_by=Text,
    decided_at=_INSTANT,
)
ACQUITTAL_EXCEPTION = table_of(
    "acquittal_exception",
    exception_id=Uuid,
    practice_id=Uuid,
    order_id=Uuid,
    invoice_id=Uuid,
    reason_code=Text,
    confirmed_rappen=BigInteger,
    open_rappen=BigInteger,
    found_at=_INSTANT,
)
ACQUITTAL_EXCEPTION_DECISION = table_of(
    "acquittal_exception_decision",
    exception_id=Uuid,
    practice_id=Uuid,
    decision=Text,
    reason=Text,
    decided_by=Text,
    decided_at=_INSTANT,
)
POSITION_FACT = table_of(
    "position_fact",
    fact_id=Uuid,
    practice_id=Uuid,
    invoice_id=Uuid,
    kind=Text,
    fact_date=Date,
    amount_rappen=BigInteger,
    principal_rappen=BigInteger,
    reminder_fees_rappen=BigInteger,
    interest_rappen=BigInteger,
    costs_rappen=BigInteger,
    factor_owes_rappen=BigInteger,
    entry_id=Uuid,
    order_id=Uuid,
    deb_file_id=Uuid,
    deb_line=Integer,
    note=Text,
    reverses=Uuid,
    reversal_round=Integer,
)
DEB_FILE = table_of(
    "deb_file",
    deb_file_id=Uuid,
    practice_id=Uuid,
    contract_id=Uuid,
    portal_file_id=Text,
    layout=Text,
    content_key=Text,
    content_sha256=Text,
    content_size_bytes=BigInteger,
    content_media_type=Text,
    fetched_at=_INSTANT,
    received_at=_INSTANT,
    next_attempt_at=_INSTANT,
    correlation_id=Text,
    causation_id=Text,
)
DEB_UNDO_ROW = table_of(
    "deb_undo_row",
    undo_id=Uuid,
    deb_file_id=Uuid,
    line=Integer,
    practice_id=Uuid,
    contract_id=Uuid,
    outcome=Text,
    record_id=Text,
    content_sha256=Text,
    occurrence=Integer,
    fact_id=Uuid,
    reason_code=Text,
    reason_detail=Text,
)
DEB_FILE_DELIVERY = table_of(
    "deb_file_delivery",
    deb_file_id=Uuid,
    practice_id=Uuid,
    portal_file_id=Text,
    fetched_at=_INSTANT,
    received_at=_INSTANT,
)
DEB_ROW = table_of(
    "deb_row",
    deb_file_id=Uuid,
    line=Integer,
    practice_id=Uuid,
    contract_id=Uuid,
    raw=LargeBinary,
    booking_rank=SmallInteger,
    content_sha256=Text,
    record_id=Text,
    kind=Text,
    invoice_number=Text,
    order_number=Text,
    debtor_number=Text,
    event_date=Date,
    value_date=Date,
    amount_rappen=BigInteger,
    currency=Text,
    payout_reference=Text,
    beneficiary=Text,
    level=Integer,
    note=Text,
    problem_reason=Text,
    problem_column=Integer,
    problem_field=Text,
    occurrence=Integer,
)
