"""From the outbox of one service through the broker into a handler of another, and back out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ClassVar
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.contracts.debident.v1 import OrderSent
from shared.db import Database, Scope
from shared.kernel.clock import SystemClock
from shared.messaging import outbox
from shared.messaging.events import ReceivedEvent, Subscription
from shared.messaging.ingest import inbox_sink
from shared.messaging.parts import build_source
from shared.messaging.processor import Processor
from shared.messaging.producer import Producer
from shared.messaging.relay import Relay
from shared.runtime.settings import ServiceSettings
from tests.integration.messaging.helpers import an_order_sent, make_topic, rows, running
from tests.support.waiting import eventually


@pytest.mark.parametrize("kind", ["faust", "aiokafka"])
async def test_an_event_goes_from_one_outbox_to_another_services_effect_once(
    kind: str,
    database: Database,
    settings: ServiceSettings,
    fresh_topic: Callable[[str], str],
    fresh_group: Callable[[str], str],
) -> None:
    topic = fresh_topic("order-events")
    await make_topic(settings, topic, partitions=3)
    clock = SystemClock()

    class Sent(OrderSent):
        TOPIC: ClassVar[str] = topic

    async def note(event: ReceivedEvent[OrderSent], connection: AsyncConnection) -> None:
        await connection.execute(
            text("INSERT INTO effect (subject, sequence, practice_id) VALUES (:s, :n, :p)"),
            {"s": event.subject, "n": event.sequence, "p": event.practice_id},
        )

    orders: list[UUID] = [uuid4() for _ in range(5)]
    for attempt in range(1, 5):
        payloads = [
            Sent.model_validate(an_order_sent(order, attempt=attempt).model_dump())
            for order in orders
        ]
        async with database.transaction(Scope.everything()) as connection:
            await outbox.append(connection, payloads, occurred_at=clock.now())

    relay = Relay(service="orders", database=database, producer=Producer(settings), clock=clock)
    source = build_source(
        [topic],
        service=fresh_group("orders"),
        settings=settings.model_copy(update={"event_source": kind}),
    )
    processor = Processor(
        database=database, subscriptions=[Subscription(OrderSent, note)], clock=clock
    )
    sink = inbox_sink(database, clock)

    async def ingest(stop: asyncio.Event) -> None:
        await source.run(sink, stop=stop)

    async with running(relay.run), running(ingest), running(processor.run):

        async def all_done() -> bool:
            found = await rows(database, "SELECT subject, sequence FROM effect")
            return len(found) == 20

        await eventually(all_done, within_seconds=40, because="every event took effect")
        assert source.is_ready()
    done = await rows(database, "SELECT subject, sequence FROM effect ORDER BY id")
    for order in orders:
        assert [row.sequence for row in done if row.subject == order] == [1, 2, 3, 4]
