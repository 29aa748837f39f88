"""Events of invoicing, version 1: practices, contracts and invoices."""

from __future__ import annotations

from datetime import date
from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import Field

from shared.contracts import topics
from shared.contracts.envelope import (
    Code,
    ContentRef,
    EventPayload,
    Gln,
    Timestamp,
    WireModel,
    WireMoney,
)

Language = Literal["de", "fr", "it"]


class PracticeRegistered(EventPayload):
    """A practice exists; everything else about it belongs to it."""

    TYPE: ClassVar[str] = "practice-registered"
    TOPIC: ClassVar[str] = topics.PRACTICE_EVENTS.name
    PRODUCER: ClassVar[str] = topics.INVOICING
    SUBJECT: ClassVar[str] = "practice_id"

    gln: Gln
    canton: Annotated[str, Field(pattern=r"^[A-Z]{2}$", description="Canton, two letters")]
    language: Language
    registered_at: Timestamp


class PortalTerms(WireModel):
    """How orders of a contract reach the portal, and the arrival clock. All times per contract."""

    adapter: Literal["http", "sftp", "manual"] = "http"
    arrival_check_after_seconds: Annotated[int, Field(ge=0)] = 4 * 3600
    arrival_poll_interval_seconds: Annotated[int, Field(ge=1)] = 15 * 60
    arrival_deadline_working_days: Annotated[int, Field(ge=1, le=30)] = 1
    deb_poll_interval_seconds: Annotated[int, Field(ge=1)] = 3600
    deb_layout: Code = "quittance-v1"


class ContractChanged(EventPayload):
    """A factoring contract was made or changed; the event carries all of its present terms."""

    TYPE: ClassVar[str] = "contract-changed"
    TOPIC: ClassVar[str] = topics.PRACTICE_EVENTS.name
    PRODUCER: ClassVar[str] = topics.INVOICING
    SUBJECT: ClassVar[str] = "practice_id"

    contract_id: UUID
    contract_version: Annotated[int, Field(ge=1)]
    active: bool
    factor: Annotated[
        str, Field(max_length=20, description="Short name of the factor", examples=["CMD"])
    ]
    factor_gln: Gln
    account_number: Annotated[
        str,
        Field(pattern=r"^[0-9A-Z.-]{1,20}$", description="The practice's account at the factor"),
    ]
    ledger_account: Annotated[
        str,
        Field(pattern=r"^[0-9]{4}$", description="Ledger account of the factor", examples=["1088"]),
    ]
    acquittal_label: Annotated[str, Field(max_length=80)] = "Transmis CMD"
    acquittal: Literal["automatic", "manual"] = "automatic"
    deb_booking: Literal["automatic", "review"] = "automatic"
    payout_term_days: Annotated[int, Field(ge=0, le=365)]
    payout_basis: Literal["gross", "net"] = "gross"
    reminder_fee_beneficiary: Literal["factor", "practice"] = "factor"
    payment_order: Annotated[
        tuple[Literal["costs", "interest", "reminder_fees", "principal"], ...],
        Field(min_length=4, max_length=4, description="Each component once"),
    ] = ("costs", "interest", "reminder_fees", "principal")
    loss_cover: bool = False
    invoice_format: Literal["5.0", "4.5"] = "5.0"
    portal: PortalTerms


class InvoiceIssued(EventPayload):
    """An invoice was issued and its document stored; it may now be chosen for an order."""

    TYPE: ClassVar[str] = "invoice-issued"
    TOPIC: ClassVar[str] = topics.INVOICE_EVENTS.name
    PRODUCER: ClassVar[str] = topics.INVOICING
    SUBJECT: ClassVar[str] = "invoice_id"

    invoice_id: UUID
    invoice_number: Annotated[
        str, Field(max_length=35, description="Gapless per practice; request_id of the XML")
    ]
    contract_id: UUID | None
    patient_number: Annotated[str, Field(max_length=20)]
    debtor_number: Annotated[str, Field(max_length=20)]
    qr_reference: Annotated[str, Field(pattern=r"^[0-9]{27}$")] | None
    issued_on: date
    due_on: date
    language: Language
    total: WireMoney
    deposit: Annotated[WireMoney, Field(description="Paid before the invoice (acompte)")]
    balance: Annotated[WireMoney, Field(description="total - deposit: what the debtor owes")]
    document: ContentRef
    unfit_codes: Annotated[
        tuple[Code, ...], Field(max_length=20, description="Why it cannot be ordered; empty: fit")
    ] = ()
    document_number: Annotated[
        str | None,
        Field(
            max_length=35,
            description="The request_id of the XML where it is not the invoice number: of an"
            " imported invoice that took the place of a cancelled one. Outside the house this"
            " number means this invoice and no other",
        ),
    ] = None
    document_format: Annotated[
        Literal["5.0", "4.5"] | None,
        Field(description="Version of generalInvoiceRequest; absent: not told"),
    ] = None


class InvoiceDocumentRendered(EventPayload):
    """The document of an issued invoice was written anew, in the version of its contract.

    On paper the invoice says what it said. The next order takes this document; one that holds the
    invoice keeps the document that it froze.
    """

    TYPE: ClassVar[str] = "invoice-document-rendered"
    TOPIC: ClassVar[str] = topics.INVOICE_EVENTS.name
    PRODUCER: ClassVar[str] = topics.INVOICING
    SUBJECT: ClassVar[str] = "invoice_id"

    invoice_id: UUID
    invoice_number: Annotated[str, Field(max_length=35)]
    document: ContentRef
    document_format: Annotated[
        Literal["5.0", "4.5"], Field(description="Version of generalInvoiceRequest")
    ]
    rendered_at: Annotated[Timestamp, Field(description="When it was written anew")]


class InvoiceCancelled(EventPayload):
    """An invoice that was in no sent order was cancelled; a corrected one may replace it."""

    TYPE: ClassVar[str] = "invoice-cancelled"
    TOPIC: ClassVar[str] = topics.INVOICE_EVENTS.name
    PRODUCER: ClassVar[str] = topics.INVOICING
    SUBJECT: ClassVar[str] = "invoice_id"

    invoice_id: UUID
    invoice_number: Annotated[str, Field(max_length=35)]
    contract_id: UUID | None
    reason_code: Code
    replaced_by: UUID | None
    cancelled_on: date


class InvoiceWithdrawalWished(EventPayload):
    """An invoice is to be cancelled or corrected: its order, not known to have left, is wanted.

    The answer is what becomes of the order: it is withdrawn, or it goes on.
    """

    TYPE: ClassVar[str] = "invoice-withdrawal-wished"
    TOPIC: ClassVar[str] = topics.INVOICE_EVENTS.name
    PRODUCER: ClassVar[str] = topics.INVOICING
    SUBJECT: ClassVar[str] = "invoice_id"

    invoice_id: UUID
    invoice_number: Annotated[str, Field(max_length=35)]
    order_id: UUID
    wished_at: Annotated[Timestamp, Field(description="When somebody asked for it")]


class CreditNoteIssued(EventPayload):
    """The practice reduces an invoice that the factor already has; it goes into the next order."""

    TYPE: ClassVar[str] = "credit-note-issued"
    TOPIC: ClassVar[str] = topics.INVOICE_EVENTS.name
    PRODUCER: ClassVar[str] = topics.INVOICING
    SUBJECT: ClassVar[str] = "invoice_id"

    credit_note_id: UUID
    credit_note_number: Annotated[str, Field(max_length=35)]
    invoice_id: UUID
    invoice_number: Annotated[str, Field(max_length=35)]
    contract_id: UUID
    debtor_number: Annotated[str, Field(max_length=20)]
    amount: Annotated[WireMoney, Field(description="Positive: by how much the invoice is reduced")]
    reason_code: Code
    document: ContentRef
    issued_on: date
