"""Topics overtake each other; whatever comes first, the office sees the same in the end."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from shared.contracts.envelope import EventPayload
from shared.db import Database, Scope
from shared.kernel.ids import derived_id
from shared.messaging import codec, inbox
from shared.messaging.events import OutgoingEvent, RawRecord
from shared.messaging.outbox import subject_of
from shared.messaging.processor import Processor
from shared.runtime.definition import ServiceDefinition
from shared.testing import FrozenClock
from tests.integration.invoicing.office import NOW, Office, Voices
from tests.integration.invoicing.test_events_in import acquitted, moved


def a_record(payload: EventPayload, sequence: int) -> RawRecord:
    """Return the record that the producer's relay would have published."""
    subject = subject_of(payload)
    event = OutgoingEvent(
        position=sequence,
        event_id=derived_id("event", payload.PRODUCER, subject, sequence),
        practice_id=payload.practice_id,
        topic=payload.TOPIC,
        subject=subject,
        sequence=sequence,
        type=payload.TYPE,
        version=payload.VERSION,
        body=payload.model_dump_json().encode(),
        correlation_id="c",
        causation_id=None,
        traceparent=None,
        occurred_at=NOW,
    )
    encoded = codec.encode(event)
    return RawRecord(payload.TOPIC, 0, 0, encoded.key, encoded.value, dict(encoded.headers))


async def the_story(office: Office, voices: Voices, first: Any, second: Any) -> list[RawRecord]:
    """Two orders: the first accepts one invoice and refuses the other, which the second takes."""
    order = await voices.prepared(office, first, second)
    following = await voices.prepared(office, second)
    verdicts: dict[str, str | None] = {first["invoice_id"]: None, second["invoice_id"]: "doubtful"}
    accepted: dict[str, str | None] = {second["invoice_id"]: None}
    events: list[tuple[EventPayload, int]] = [
        (order, 1),
        (await voices.confirmed(office, order.order_id, verdicts), 2),
        (following, 1),
        (await voices.confirmed(office, following.order_id, accepted), 2),
        (acquitted(office, first, order.order_id), 1),
        (moved(office, first, "120.00", "20.00", "120.00", ("reminder_fee", "20.00")), 2),
        (moved(office, first, "0.00", "0.00", "0.00", ("debtor_payment", "140.00")), 3),
        (acquitted(office, second, following.order_id), 1),
    ]
    return [a_record(event, sequence) for event, sequence in events]


async def receive(database: Database, record: RawRecord, clock: FrozenClock) -> None:
    async with database.transaction(Scope.everything()) as connection:
        await inbox.store(connection, [record], now=clock.now(), via="ingest")


@pytest.mark.parametrize("seed", range(12))
async def test_the_end_is_the_same_whatever_overtakes_what(
    seed: int,
    office: Office,
    voices: Voices,
    definition: ServiceDefinition,
    database: Database,
    clock: FrozenClock,
) -> None:
    first, second = await office.invoice(), await office.invoice()
    records = await the_story(office, voices, first, second)
    chance = random.Random(seed)
    arrivals = chance.sample(records, len(records)) + chance.choices(records, k=3)
    processor = Processor(
        database=database, subscriptions=list(definition.subscriptions), clock=clock
    )
    for record in arrivals:
        await receive(database, record, clock)
        await processor.drain()
    for _ in range(10):
        clock.advance(timedelta(seconds=61))
        await processor.drain()
    statuses = await office.rows(
        "SELECT DISTINCT status FROM inbox WHERE practice_id = :p", p=office.practice_id
    )
    assert [row["status"] for row in statuses] == ["done"]
    paid, handed_over = [
        await office.get(f"invoices/{one['invoice_id']}") for one in (first, second)
    ]
    assert (paid["state"], paid["balance_text"], paid["paid"]) == ("acquitted", "0.00 *", True)
    assert (handed_over["state"], handed_over["balance_text"]) == ("acquitted", "120.00 *")
    assert UUID(handed_over["order_id"]) != UUID(paid["order_id"])
    assert sorted(line["kind"] for line in handed_over["history"]) == sorted(
        ["issued", "ordered", "refused", "ordered", "arrived", "acquitted"]
    )
