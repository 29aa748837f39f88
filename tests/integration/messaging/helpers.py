"""What the messaging tests build with: settings, events, records, and a look into the tables."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from sqlalchemy import text

from shared.contracts.debident.v1 import OrderSent
from shared.contracts.registry import dataschema
from shared.db import Database, Scope
from shared.kernel.ids import derived_id
from shared.messaging import codec
from shared.messaging.events import OutgoingEvent, RawRecord
from shared.messaging.topics import WantedTopic, wait_for_topics
from shared.runtime.settings import ServiceSettings

PRACTICE = UUID("11111111-1111-4111-8111-111111111111")
SOURCE = OrderSent.PRODUCER
NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
SCHEMA = dataschema(OrderSent)


def an_order_sent(
    order_id: UUID | None = None, *, practice_id: UUID = PRACTICE, attempt: int = 1
) -> OrderSent:
    """An event of a real contract, small."""
    return OrderSent(
        practice_id=practice_id,
        order_id=order_id or uuid4(),
        contract_id=uuid4(),
        attempt=attempt,
        portal_reference="R-1",
        package_sha256="0" * 64,
        sent_at=NOW,
    )


def an_outgoing(
    payload: OrderSent, sequence: int = 1, *, topic: str = OrderSent.TOPIC
) -> OutgoingEvent:
    """An outbox row as the relay reads it."""
    return OutgoingEvent(
        position=sequence,
        event_id=derived_id("event", SOURCE, payload.order_id, sequence),
        practice_id=payload.practice_id,
        topic=topic,
        subject=payload.order_id,
        sequence=sequence,
        type=payload.TYPE,
        version=payload.VERSION,
        body=payload.model_dump_json().encode(),
        correlation_id="correlation-1",
        causation_id=None,
        traceparent=None,
        occurred_at=NOW,
    )


def a_record(
    payload: OrderSent | None = None,
    sequence: int = 1,
    *,
    topic: str = OrderSent.TOPIC,
    partition: int = 0,
    offset: int = 0,
    value: bytes | None = None,
    headers: dict[str, bytes | None] | None = None,
) -> RawRecord:
    """A record as it lies on a topic; `headers` replaces some, None takes one away."""
    payload = payload or an_order_sent()
    encoded = codec.encode(an_outgoing(payload, sequence))
    merged: dict[str, bytes | None] = {**dict(encoded.headers), **(headers or {})}
    return RawRecord(
        topic=topic,
        partition=partition,
        offset=offset,
        key=encoded.key,
        value=encoded.value if value is None else value,
        headers={name: value for name, value in merged.items() if value is not None},
    )


def settings_for(bootstrap: str = "127.0.0.1:1", **overrides: Any) -> ServiceSettings:
    """Settings of a service; only what messaging reads matters."""
    values: dict[str, Any] = {
        "database_url": "postgresql+asyncpg://unused",
        "kafka_bootstrap": bootstrap,
        "http_port": 0,
        "object_store_url": "memory://",
        "object_store_key": base64.b64encode(b"k" * 32).decode(),
        "jwks_url": "http://127.0.0.1:1/jwks",
        "token_issuer": "https://issuer.test",
    }
    return ServiceSettings(**{**values, **overrides})


async def make_topic(settings: ServiceSettings, name: str, partitions: int = 1) -> None:
    """Create a topic and wait until the broker shows it."""
    await wait_for_topics(settings, [WantedTopic(name, partitions, -1)], stop=asyncio.Event())


async def produce(bootstrap: str, records: Sequence[RawRecord]) -> None:
    """Write records to the partitions that they name."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all")
    await producer.start()
    try:
        for each in records:
            await producer.send_and_wait(
                each.topic,
                key=each.key,
                value=each.value,
                partition=each.partition,
                headers=list(each.headers.items()),
            )
    finally:
        await producer.stop()


async def read_topic(bootstrap: str, topic: str, *, partitions: int = 1) -> list[RawRecord]:
    """Return everything that lies on a topic now, partition by partition."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    try:
        places = [TopicPartition(topic, number) for number in range(partitions)]
        consumer.assign(places)
        ends = await consumer.end_offsets(places)
        found: list[RawRecord] = []
        while len(found) < sum(ends.values()):
            for batch in (await consumer.getmany(timeout_ms=200)).values():
                found += [
                    RawRecord(r.topic, r.partition, r.offset, r.key, r.value, dict(r.headers))
                    for r in batch
                ]
        return sorted(found, key=lambda each: (each.partition, each.offset))
    finally:
        await consumer.stop()


async def rows(database: Database, query: str, **parameters: Any) -> list[Any]:
    """Run a query in the system's scope and return its rows."""
    async with database.transaction(Scope.everything()) as connection:
        result = await connection.execute(text(query), parameters)
        return list(result) if result.returns_rows else []


@asynccontextmanager
async def running(
    run: Callable[[asyncio.Event], Coroutine[Any, Any, None]],
) -> AsyncIterator[asyncio.Task[None]]:
    """Run a part for the duration of the block, then ask it to stop and wait for it."""
    stop = asyncio.Event()
    task = asyncio.create_task(run(stop))
    try:
        yield task
    finally:
        stop.set()
        async with asyncio.timeout(30):
            await task
