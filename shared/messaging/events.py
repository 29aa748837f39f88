"""The two views of an event inside a service: about to leave, and received."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, TypeVar
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from shared.contracts.envelope import EventPayload

P = TypeVar("P", bound=EventPayload)


@dataclass(frozen=True, slots=True)
class RawRecord:
    """One Kafka record as it came, undecoded.

    Attributes:
        topic, partition, offset: where it lay.
        key, value: raw bytes; value is None for a tombstone.
        headers: header name → raw value; of repeated names the last one counts.
    """

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: dict[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OutgoingEvent:
    """One outbox row on its way to the broker.

    Attributes:
        position: the row's place in the outbox; rows leave in this order.
        body: the payload as JSON, sent unchanged.
    """

    position: int
    event_id: UUID
    practice_id: UUID
    topic: str
    subject: UUID
    sequence: int
    type: str
    version: int
    body: bytes
    correlation_id: str
    causation_id: str | None
    traceparent: str | None
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class ReceivedEvent(Generic[P]):
    """A decoded event, ready for a handler.

    Attributes:
        event_id: CloudEvents `id`; the same for every delivery of the event.
        source: CloudEvents `source`, the producing service's name.
        subject: aggregate id.
        sequence: the aggregate's version at this source, counted 1, 2, 3, ...
        occurred_at: CloudEvents `time`, UTC.
        correlation_id, causation_id, traceparent: see shared.kernel.context.
        payload: the data, validated against its contract.
    """

    event_id: UUID
    source: str
    subject: UUID
    sequence: int
    practice_id: UUID
    occurred_at: datetime
    correlation_id: str
    causation_id: str | None
    traceparent: str | None
    payload: P


EventHandler = Callable[[ReceivedEvent[P], AsyncConnection], Awaitable[None]]
"""Works one event inside the processor's transaction, whose scope is the event's practice.

It raises TooEarlyError, TransientError or PermanentError to say what must happen next; it neither
commits nor rolls back.
"""


@dataclass(frozen=True, slots=True)
class Subscription(Generic[P]):
    """One line of a service's table "what this service listens to"."""

    payload_type: type[P]
    handler: EventHandler[P]
