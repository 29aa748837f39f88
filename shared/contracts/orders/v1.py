"""Events and documents of orders, version 1."""

from __future__ import annotations

from datetime import date
from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import Field

from shared.contracts import topics
from shared.contracts.envelope import (
    Code,
    ContentRef,
    Document,
    EventPayload,
    Sha256,
    Timestamp,
    WireModel,
    WireMoney,
)


class OrderLine(WireModel):
    """One invoice of an order."""

    invoice_id: UUID
    invoice_number: Annotated[str, Field(max_length=35)]
    debtor_number: Annotated[str, Field(max_length=20)]
    amount: WireMoney
    document_sha256: Sha256
    notices: Annotated[
        tuple[Code, ...],
        Field(
            max_length=20,
            description="Codes of what the factor is told of the invoice, or of the whole order",
        ),
    ] = ()


class OrderLinesDocument(Document):
    """The lines of an order, in package order; rests in the object store."""

    DOCUMENT: ClassVar[str] = "order-lines"

    order_id: UUID
    practice_id: UUID
    lines: tuple[OrderLine, ...]


class ConfirmationLine(WireModel):
    """What became of one invoice when the order arrived."""

    invoice_id: UUID
    invoice_number: Annotated[str, Field(max_length=35)]
    amount: WireMoney
    accepted: bool
    refusal_code: Code | None = None


class ConfirmationDocument(Document):
    """The confirmation per line; rests in the object store. Nothing is acquitted without it."""

    DOCUMENT: ClassVar[str] = "order-confirmation"

    order_id: UUID
    practice_id: UUID
    lines: tuple[ConfirmationLine, ...]


class ArrivalEvidence(WireModel):
    """How it is known that an order arrived."""

    kind: Literal["portal-status", "already-have-it", "person"]
    reference: Annotated[str, Field(max_length=100)]
    observed_at: Timestamp


class OrderPrepared(EventPayload):
    """An order's package is frozen and may be sent. No other order is in flight."""

    TYPE: ClassVar[str] = "order-prepared"
    TOPIC: ClassVar[str] = topics.ORDER_EVENTS.name
    PRODUCER: ClassVar[str] = topics.ORDERS
    SUBJECT: ClassVar[str] = "order_id"

    order_id: UUID
    order_number: Annotated[str, Field(max_length=35)]
    contract_id: UUID
    invoice_count: Annotated[int, Field(ge=1, le=10_000)]
    total: WireMoney
    package: ContentRef
    lines: ContentRef
    prepared_at: Timestamp


class OrderWithdrawalRequested(EventPayload):
    """A person wants the order back. It stays in flight until the gateway says what has left."""

    TYPE: ClassVar[str] = "order-withdrawal-requested"
    TOPIC: ClassVar[str] = topics.ORDER_EVENTS.name
    PRODUCER: ClassVar[str] = topics.ORDERS
    SUBJECT: ClassVar[str] = "order_id"

    order_id: UUID
    contract_id: UUID
    requested_at: Timestamp


class OrderWithdrawn(EventPayload):
    """An order was taken back before anything of it can have left; its invoices are free again."""

    TYPE: ClassVar[str] = "order-withdrawn"
    TOPIC: ClassVar[str] = topics.ORDER_EVENTS.name
    PRODUCER: ClassVar[str] = topics.ORDERS
    SUBJECT: ClassVar[str] = "order_id"

    order_id: UUID
    order_number: Annotated[str, Field(max_length=35)]
    contract_id: UUID
    withdrawn_at: Timestamp


class CreditNoteReleased(EventPayload):
    """The factor refused the invoice that a credit note reduces: the note goes into no order.

    It is settled in the practice's own books, and the invoice may be ordered with what remains.
    """

    TYPE: ClassVar[str] = "credit-note-released"
    TOPIC: ClassVar[str] = topics.ORDER_EVENTS.name
    PRODUCER: ClassVar[str] = topics.ORDERS
    SUBJECT: ClassVar[str] = "order_id"

    order_id: Annotated[UUID, Field(description="The order whose line was refused")]
    credit_note_id: UUID
    credit_note_number: Annotated[str, Field(max_length=35)]
    invoice_id: UUID
    contract_id: UUID
    amount: Annotated[WireMoney, Field(description="Positive: by how much the invoice is reduced")]
    released_on: date


class OrderClosed(EventPayload):
    """A person closed an acquitted order: nothing more is expected to happen to it."""

    TYPE: ClassVar[str] = "order-closed"
    TOPIC: ClassVar[str] = topics.ORDER_EVENTS.name
    PRODUCER: ClassVar[str] = topics.ORDERS
    SUBJECT: ClassVar[str] = "order_id"

    order_id: UUID
    order_number: Annotated[str, Field(max_length=35)]
    contract_id: UUID
    closed_at: Timestamp


class OrderOverdue(EventPayload):
    """The order should have arrived by its deadline and has not; told once per sending."""

    TYPE: ClassVar[str] = "order-overdue"
    TOPIC: ClassVar[str] = topics.ORDER_EVENTS.name
    PRODUCER: ClassVar[str] = topics.ORDERS
    SUBJECT: ClassVar[str] = "order_id"

    order_id: UUID
    order_number: Annotated[str, Field(max_length=35)]
    contract_id: UUID
    state: Annotated[
        Literal["sent", "unknown"], Field(description="Whether it is certain that it left")
    ]
    attempt: Annotated[int, Field(ge=1)]
    sent_at: Annotated[
        Timestamp, Field(description="When the portal took it, or when that became doubtful")
    ]
    deadline: Annotated[Timestamp, Field(description="By when it should have arrived")]
    days_late: Annotated[int, Field(ge=0, description="Calendar days since the deadline's day")]
    invoice_count: Annotated[int, Field(ge=1, le=10_000)]
    total: WireMoney
    noted_at: Annotated[Timestamp, Field(description="When it was noticed")]


class OrderNotLeaving(EventPayload):
    """An order does not leave: a person must act, or it has waited for too long.

    Told at once where the gateway waits for a person, else once it has waited for the contract's
    working days; again where the reason becomes another one. `order-moved-on` ends it.
    """

    TYPE: ClassVar[str] = "order-not-leaving"
    TOPIC: ClassVar[str] = topics.ORDER_EVENTS.name
    PRODUCER: ClassVar[str] = topics.ORDERS
    SUBJECT: ClassVar[str] = "order_id"

    order_id: UUID
    order_number: Annotated[str, Field(max_length=35)]
    contract_id: UUID
    round: Annotated[int, Field(ge=1, description="Counts how often it is told of the order")]
    reason_code: Annotated[
        Code, Field(description="The gateway's latest; `not-sent-in-time` where it gave none")
    ]
    since: Annotated[Timestamp, Field(description="Since when it has waited, or is held")]
    may_have_left: Annotated[
        bool, Field(description="Whether an earlier sending of it is or was in doubt")
    ]
    invoice_count: Annotated[int, Field(ge=1, le=10_000)]
    total: WireMoney
    noted_at: Annotated[Timestamp, Field(description="When it was noticed")]


class OrderMovedOn(EventPayload):
    """An order that did not leave waits no longer: it left, or it is settled in another way."""

    TYPE: ClassVar[str] = "order-moved-on"
    TOPIC: ClassVar[str] = topics.ORDER_EVENTS.name
    PRODUCER: ClassVar[str] = topics.ORDERS
    SUBJECT: ClassVar[str] = "order_id"

    order_id: UUID
    contract_id: UUID
    round: Annotated[int, Field(ge=1, description="Of the latest `order-not-leaving`")]
    state: Annotated[Code, Field(description="The order's state since then")]
    moved_on_at: Annotated[Timestamp, Field(description="When that was noticed")]


class OrderConfirmed(EventPayload):
    """The order has demonstrably arrived: the only event that permits an acquittal."""

    TYPE: ClassVar[str] = "order-confirmed"
    TOPIC: ClassVar[str] = topics.ORDER_EVENTS.name
    PRODUCER: ClassVar[str] = topics.ORDERS
    SUBJECT: ClassVar[str] = "order_id"

    order_id: UUID
    order_number: Annotated[str, Field(max_length=35)]
    contract_id: UUID
    accepted_count: Annotated[int, Field(ge=0)]
    accepted_total: WireMoney
    refused_count: Annotated[int, Field(ge=0)]
    confirmation: ContentRef
    evidence: ArrivalEvidence
    confirmed_at: Timestamp
