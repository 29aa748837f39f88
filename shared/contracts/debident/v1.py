"""Events and documents of the Debident gateway, version 1."""

from __future__ import annotations

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
)
from shared.contracts.orders.v1 import ArrivalEvidence


class ArrivalLine(WireModel):
    """What the portal says of one invoice of the order."""

    invoice_number: Annotated[str, Field(max_length=35)]
    accepted: bool
    refusal_code: Code | None = None


class ArrivalDocument(Document):
    """The portal's answer per invoice; rests in the object store."""

    DOCUMENT: ClassVar[str] = "order-arrival"

    order_id: UUID
    practice_id: UUID
    lines: tuple[ArrivalLine, ...]


class OrderSent(EventPayload):
    """The portal took the order's bytes. It has not arrived yet."""

    TYPE: ClassVar[str] = "order-sent"
    TOPIC: ClassVar[str] = topics.ORDER_EVENTS.name
    PRODUCER: ClassVar[str] = topics.DEBIDENT_GATEWAY
    SUBJECT: ClassVar[str] = "order_id"

    order_id: UUID
    contract_id: UUID
    attempt: Annotated[int, Field(ge=1)]
    portal_reference: Annotated[str, Field(max_length=100)]
    package_sha256: Sha256
    sent_at: Timestamp
    evidence: Annotated[
        Literal["portal", "person"],
        Field(description="Whose word it is: the portal's, or a person's who handed it over"),
    ] = "portal"


class OrderSendFailed(EventPayload):
    """A send did not end well.

    `outcome` "not-sent": nothing can have left. "unknown": it may have left; the portal is asked.
    """

    TYPE: ClassVar[str] = "order-send-failed"
    TOPIC: ClassVar[str] = topics.ORDER_EVENTS.name
    PRODUCER: ClassVar[str] = topics.DEBIDENT_GATEWAY
    SUBJECT: ClassVar[str] = "order_id"

    order_id: UUID
    contract_id: UUID
    attempt: Annotated[int, Field(ge=1)]
    outcome: Literal["not-sent", "unknown"]
    reason_code: Code
    next_attempt_at: Timestamp | None
    failed_at: Timestamp


class OrderArrived(EventPayload):
    """The portal shows the order as arrived, with its answer per invoice."""

    TYPE: ClassVar[str] = "order-arrived"
    TOPIC: ClassVar[str] = topics.ORDER_EVENTS.name
    PRODUCER: ClassVar[str] = topics.DEBIDENT_GATEWAY
    SUBJECT: ClassVar[str] = "order_id"

    order_id: UUID
    contract_id: UUID
    evidence: ArrivalEvidence
    accepted_count: Annotated[int, Field(ge=0)]
    refused_count: Annotated[int, Field(ge=0)]
    lines: ContentRef
    arrived_at: Timestamp


class OrderRefused(EventPayload):
    """The portal refused the whole order; nothing of it was taken over."""

    TYPE: ClassVar[str] = "order-refused"
    TOPIC: ClassVar[str] = topics.ORDER_EVENTS.name
    PRODUCER: ClassVar[str] = topics.DEBIDENT_GATEWAY
    SUBJECT: ClassVar[str] = "order_id"

    order_id: UUID
    contract_id: UUID
    reason_code: Code
    refused_at: Timestamp


class OrderWithheld(EventPayload):
    """Nothing of the order has left, and nothing will: the answer to a requested withdrawal.

    Where something may have left there is no such answer; the order goes on.
    """

    TYPE: ClassVar[str] = "order-withheld"
    TOPIC: ClassVar[str] = topics.ORDER_EVENTS.name
    PRODUCER: ClassVar[str] = topics.DEBIDENT_GATEWAY
    SUBJECT: ClassVar[str] = "order_id"

    order_id: UUID
    contract_id: UUID
    withheld_at: Timestamp


class DebFileFetched(EventPayload):
    """A DEB file came from the portal, or from a person; its bytes are stored and hashed."""

    TYPE: ClassVar[str] = "deb-file-fetched"
    TOPIC: ClassVar[str] = topics.DEB_FILE_EVENTS.name
    PRODUCER: ClassVar[str] = topics.DEBIDENT_GATEWAY
    SUBJECT: ClassVar[str] = "deb_file_id"

    deb_file_id: Annotated[UUID, Field(description="Derived from practice and content hash")]
    contract_id: UUID
    portal_file_id: Annotated[
        str, Field(max_length=100, description="The file's name where a person brought it")
    ]
    layout: Code
    file: ContentRef
    fetched_at: Timestamp
    source: Annotated[
        Literal["portal", "manual"],
        Field(description="Fetched from the portal, or brought by a person"),
    ] = "portal"
