"""Brings events to the service as Kafka records: stored in its inbox, worked by its processor."""

from __future__ import annotations

from collections import Counter
from typing import Any
from uuid import UUID, uuid4

from shared.contracts.envelope import EventPayload
from shared.db.scope import Scope
from shared.messaging import inbox
from shared.messaging.codec import encode
from shared.messaging.events import OutgoingEvent, RawRecord
from shared.messaging.processor import Processor
from tests.integration.reconciliation.house import House


class Inbox:
    """The edge of a house that events come in by; they are numbered in the order of `record`."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.processor = Processor(
            database=house.database,
            subscriptions=house.definition.subscriptions,
            clock=house.clock,
        )
        self._numbers: Counter[tuple[str, UUID]] = Counter()

    def record(self, payload: EventPayload) -> RawRecord:
        """Write the aggregate's next event as its producer would."""
        subject: UUID = getattr(payload, payload.SUBJECT)
        self._numbers[payload.PRODUCER, subject] += 1
        encoded = encode(
            OutgoingEvent(
                position=1,
                event_id=uuid4(),
                practice_id=payload.practice_id,
                topic=payload.TOPIC,
                subject=subject,
                sequence=self._numbers[payload.PRODUCER, subject],
                type=payload.TYPE,
                version=payload.VERSION,
                body=payload.model_dump_json().encode(),
                correlation_id="test",
                causation_id=None,
                traceparent=None,
                occurred_at=self.house.clock.now(),
            )
        )
        offset = self._numbers.total()
        return RawRecord(
            payload.TOPIC, 0, offset, encoded.key, encoded.value, dict(encoded.headers)
        )

    async def store(self, *records: RawRecord) -> None:
        """Store records in the order given."""
        async with self.house.database.transaction(Scope.everything()) as connection:
            await inbox.store(connection, records, now=self.house.clock.now(), via="ingest")

    async def open_events(self) -> list[dict[str, Any]]:
        """The practice's events that are not done."""
        return await self.house.rows(
            "SELECT type, status, waits_for FROM inbox WHERE practice_id = :practice_id"
            " AND status <> 'done' ORDER BY position",
            practice_id=self.house.practice_id,
        )
