"""The wire form of dead letters: each service tells of its own, in one shape, for the one queue.

Only reconciliation does not: it has the queue, and its own dead letters beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import Field

from shared.contracts import topics
from shared.contracts.envelope import Code, EventPayload, Timestamp

NOBODYS = UUID(int=0)
"""The practice of a letter whose own practice cannot be read."""


class DeadLetterChanged(EventPayload):
    """An event could not be worked, or a person did something about that."""

    TOPIC: ClassVar[str] = topics.DEAD_LETTER_EVENTS.name
    SUBJECT: ClassVar[str] = "letter_id"

    letter_id: Annotated[UUID, Field(description="The letter; derived from the event's id")]
    event_id: Annotated[UUID, Field(description="The event, as the service's API names it")]
    event_type: Annotated[str, Field(max_length=200, description="Empty: it cannot be read")]
    event_source: Annotated[str, Field(max_length=200, description="Who sent it; empty: as above")]
    round: Annotated[int, Field(ge=1, description="How often it has died so far")]
    state: Annotated[
        Literal["dead", "replayed", "dropped"],
        Field(description="Replayed: it is worked once more, and may die again"),
    ]
    reason_code: Annotated[Code, Field(description="Why it could not be worked")]
    changed_at: Annotated[Timestamp, Field(description="When it came into this state")]
    by: Annotated[str | None, Field(max_length=200, description="The person; null: nobody")] = None
    why: Annotated[str, Field(max_length=500, description="The person's reason")] = ""


class InvoicingDeadLetterChanged(DeadLetterChanged):
    """What invoicing could not work, and what became of it."""

    TYPE: ClassVar[str] = "invoicing-dead-letter-changed"
    PRODUCER: ClassVar[str] = topics.INVOICING


class OrdersDeadLetterChanged(DeadLetterChanged):
    """What orders could not work, and what became of it."""

    TYPE: ClassVar[str] = "orders-dead-letter-changed"
    PRODUCER: ClassVar[str] = topics.ORDERS


class DebidentGatewayDeadLetterChanged(DeadLetterChanged):
    """What the Debident gateway could not work, and what became of it."""

    TYPE: ClassVar[str] = "debident-gateway-dead-letter-changed"
    PRODUCER: ClassVar[str] = topics.DEBIDENT_GATEWAY


BY_SERVICE: Mapping[str, type[DeadLetterChanged]] = MappingProxyType(
    {
        event.PRODUCER: event
        for event in (
            InvoicingDeadLetterChanged,
            OrdersDeadLetterChanged,
            DebidentGatewayDeadLetterChanged,
        )
    }
)
