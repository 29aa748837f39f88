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


class OrderHeld(EventPayload):
    """The order waits for something that only a person can do; told once per reason.

    Either nothing of it has left, or the portal took it and does not know it any more.
    """

    TYPE: ClassVar[str] = "order-held"
    TOPIC: ClassVar[str] = topics.ORDER_EVENTS.name
    PRODUCER: ClassVar[str] = topics.DEBIDENT_GATEWAY
    SUBJECT: ClassVar[str] = "order_id"

    order_id: UUID
    contract_id: UUID
    attempt: Annotated[int, Field(ge=0, description="The latest sending; 0: none was begun")]
    reason_code: Annotated[Code, Field(description="What is missing or wrong")]
    held_at: Annotated[Timestamp, Field(description="When the gateway noticed it")]


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


class DebFileMissing(EventPayload):
    """The portal counts its DEB files, and some are not here; told once per gap."""

    TYPE: ClassVar[str] = "deb-file-missing"
    TOPIC: ClassVar[str] = topics.DEB_FILE_EVENTS.name
    PRODUCER: ClassVar[str] = topics.DEBIDENT_GATEWAY
    SUBJECT: ClassVar[str] = "contract_id"

    contract_id: UUID
    gap_id: Annotated[UUID, Field(description="The gap; one that opens again is another one")]
    first_number: Annotated[int, Field(ge=1, description="First missing publication number")]
    last_number: Annotated[int, Field(ge=1, description="Last missing publication number")]
    seen_number: Annotated[
        int, Field(ge=1, description="Number behind the gap; of an unusable file, its own")
    ]
    reason_code: Code
    noticed_at: Annotated[Timestamp, Field(description="When it was noticed")]


class DebFileGapClosed(EventPayload):
    """None of the DEB files of a gap is missing any more; told once per gap."""

    TYPE: ClassVar[str] = "deb-file-gap-closed"
    TOPIC: ClassVar[str] = topics.DEB_FILE_EVENTS.name
    PRODUCER: ClassVar[str] = topics.DEBIDENT_GATEWAY
    SUBJECT: ClassVar[str] = "contract_id"

    contract_id: UUID
    gap_id: Annotated[UUID, Field(description="The gap, as it was told to be missing")]
    closed_at: Annotated[Timestamp, Field(description="When its last file was seen to be here")]


class PortalUnreachable(EventPayload):
    """Calls to the portal are held back after failures in a row; told once per outage and practice.

    `scope` "portal": it does not answer. "account": it does not accept the practice's access.
    """

    TYPE: ClassVar[str] = "portal-unreachable"
    TOPIC: ClassVar[str] = topics.PORTAL_EVENTS.name
    PRODUCER: ClassVar[str] = topics.DEBIDENT_GATEWAY
    SUBJECT: ClassVar[str] = "practice_id"

    outage_id: Annotated[UUID, Field(description="The outage, the same for every practice")]
    adapter: Code
    scope: Annotated[Literal["portal", "account"], Field(description="What is out of reach")]
    reason_code: Code
    failures: Annotated[int, Field(ge=1, description="Failures in a row")]
    since: Annotated[Timestamp, Field(description="When the first of them happened")]
    next_call_at: Annotated[Timestamp, Field(description="When a single call tries again")]
    noted_at: Annotated[Timestamp, Field(description="When calls began to be held back")]


class PortalReachable(EventPayload):
    """An outage is over for a practice: the portal gave an answer, and what was held back goes on.

    Told to whoever was told of the beginning. With `left` nothing is known of the portal: the
    practice's calls go to another address by now, so that the outage is no concern of it any more.
    """

    TYPE: ClassVar[str] = "portal-reachable"
    TOPIC: ClassVar[str] = topics.PORTAL_EVENTS.name
    PRODUCER: ClassVar[str] = topics.DEBIDENT_GATEWAY
    SUBJECT: ClassVar[str] = "practice_id"

    outage_id: Annotated[UUID, Field(description="The outage, the same for every practice")]
    adapter: Code
    scope: Annotated[Literal["portal", "account"], Field(description="What was out of reach")]
    since: Annotated[Timestamp, Field(description="When its first failure happened")]
    reachable_at: Annotated[
        Timestamp, Field(description="When the answer came, or the practice had left")
    ]
    left: Annotated[bool, Field(description="Whether the practice uses another portal by now")] = (
        False
    )
