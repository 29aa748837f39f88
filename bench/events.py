"""Brings events to an assembled service, one transaction each, as its processor would."""

from __future__ import annotations

from shared.contracts.envelope import EventPayload
from shared.db.engine import Database
from shared.db.scope import Scope
from shared.kernel.ids import new_id
from shared.messaging.events import ReceivedEvent
from shared.messaging.outbox import subject_of
from shared.runtime.definition import ServiceDefinition


async def receive(
    definition: ServiceDefinition, database: Database, *payloads: EventPayload
) -> None:
    """Let the service's handlers work these events in their order."""
    handlers = {each.payload_type: each.handler for each in definition.subscriptions}
    for payload in payloads:
        event = ReceivedEvent(
            event_id=new_id(),
            source=payload.PRODUCER,
            subject=subject_of(payload),
            sequence=1,
            practice_id=payload.practice_id,
            occurred_at=definition.clock.now(),
            correlation_id="bench",
            causation_id=None,
            traceparent=None,
            payload=payload,
        )
        async with database.transaction(Scope.of(payload.practice_id)) as connection:
            await handlers[type(payload)](event, connection)
