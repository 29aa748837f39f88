"""The relay: in order per aggregate, marked only when acknowledged, one active per database."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, ClassVar
from uuid import UUID, uuid4

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError, OutOfOrderSequenceNumber
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from sandbox.postgres import ServiceUrls
from shared.contracts.debident.v1 import OrderSent
from shared.db import Database, Scope
from shared.db.engine import is_transient
from shared.kernel.clock import SystemClock
from shared.messaging import inbox, outbox
from shared.messaging.events import RawRecord
from shared.messaging.producer import Delivery, Outgoing, Producer
from shared.messaging.relay import BATCH, BrokerAwayError, Relay
from shared.runtime.settings import ServiceSettings
from tests.integration.messaging.helpers import (
    NOW,
    an_order_sent,
    make_topic,
    read_topic,
    rows,
    running,
    settings_for,
)
from tests.support.waiting import eventually


class RecordingProducer(Producer):
    """Takes everything, except what the test refuses."""

    def __init__(self) -> None:
        super().__init__(settings_for())
        self.sent: list[tuple[str, bytes]] = []
        self.refuse: Callable[[Outgoing], Delivery | None] = lambda record: None

    async def send_all(self, records: Sequence[Outgoing]) -> list[Delivery]:
        answers = []
        for record in records:
            answer = self.refuse(record) or Delivery.OK
            if answer is Delivery.OK:
                self.sent.append((_subject(record), dict(record.headers).get("ce_sequence", b"")))
            answers.append(answer)
        return answers


def _subject(record: Outgoing) -> str:
    return (record.key or b"").decode()


async def _append(database: Database, *payloads: OrderSent) -> None:
    async with database.transaction(Scope.everything()) as connection:
        await outbox.append(connection, payloads, occurred_at=NOW)


def _relay(database: Database, producer: Producer) -> Relay:
    return Relay(service="orders", database=database, producer=producer, clock=SystemClock())


async def _publish_once(relay: Relay, database: Database) -> int:
    async with database.engine.connect() as connection:
        return await relay.publish_once(connection)


async def _unpublished(database: Database) -> list[tuple[UUID, int]]:
    found = await rows(
        database,
        "SELECT subject, sequence FROM outbox WHERE published_at IS NULL ORDER BY position",
    )
    return [(row.subject, row.sequence) for row in found]


async def test_rows_leave_in_order_and_are_marked(database: Database) -> None:
    orders = [uuid4(), uuid4()]
    for attempt in (1, 2, 3):
        await _append(database, *(an_order_sent(order, attempt=attempt) for order in orders))
    producer = RecordingProducer()
    assert await _publish_once(_relay(database, producer), database) == 6
    for order in orders:
        assert [n for subject, n in producer.sent if subject == str(order)] == [b"1", b"2", b"3"]
    assert await _unpublished(database) == []
    marked = await rows(database, "SELECT DISTINCT attempts, last_error FROM outbox")
    assert marked == [(1, None)]


async def test_a_failed_row_holds_back_its_own_subject_only(database: Database) -> None:
    stuck, free = uuid4(), uuid4()
    for attempt in (1, 2, 3):
        await _append(
            database, an_order_sent(stuck, attempt=attempt), an_order_sent(free, attempt=attempt)
        )
    producer = RecordingProducer()
    producer.refuse = lambda record: (
        Delivery.FAILED
        if _subject(record) == str(stuck) and dict(record.headers)["ce_sequence"] == b"2"
        else None
    )
    relay = _relay(database, producer)
    assert await _publish_once(relay, database) == 4
    assert await _unpublished(database) == [(stuck, 2), (stuck, 3)]
    assert (str(stuck), b"3") not in producer.sent
    failed = await rows(
        database,
        "SELECT sequence, attempts, last_error FROM outbox"
        " WHERE published_at IS NULL ORDER BY sequence",
    )
    assert failed == [(2, 1, "not acknowledged"), (3, 0, None)]

    await _append(database, an_order_sent(free, attempt=4))
    assert await _publish_once(relay, database) == 1, "others go on while one is held back"

    producer.refuse = lambda record: None

    async def caught_up() -> bool:
        await _publish_once(relay, database)
        return await _unpublished(database) == []

    await eventually(caught_up, because="the subject is tried again after its wait")
    assert [n for subject, n in producer.sent if subject == str(stuck)] == [b"1", b"2", b"3"]


async def test_a_long_queue_of_a_stuck_subject_does_not_fill_the_batch(database: Database) -> None:
    stuck, free = uuid4(), uuid4()
    await _append(database, *(an_order_sent(stuck, attempt=n + 1) for n in range(BATCH + 10)))
    await _append(database, an_order_sent(free))
    producer = RecordingProducer()
    producer.refuse = lambda record: Delivery.TOO_LARGE if _subject(record) == str(stuck) else None
    relay = _relay(database, producer)
    await _publish_once(relay, database)
    await _publish_once(relay, database)
    assert producer.sent == [(str(free), b"1")]


async def test_a_row_without_a_contract_is_held_back_with_its_reason(database: Database) -> None:
    await _append(database, an_order_sent())
    await rows(database, "UPDATE outbox SET version = 9")
    producer = RecordingProducer()
    assert await _publish_once(_relay(database, producer), database) == 0
    failed = await rows(database, "SELECT last_error, published_at FROM outbox")
    assert failed == [("type: no contract of that name and version", None)]


async def test_a_broker_that_is_away_is_no_rows_fault(database: Database) -> None:
    await _append(database, an_order_sent(), an_order_sent())
    producer = RecordingProducer()
    producer.refuse = lambda record: Delivery.FAILED
    relay = _relay(database, producer)
    with pytest.raises(BrokerAwayError):
        await _publish_once(relay, database)
    assert await rows(database, "SELECT DISTINCT attempts FROM outbox") == [(0,)]
    producer.refuse = lambda record: None
    assert await _publish_once(relay, database) == 2


async def test_a_crash_between_publishing_and_marking_only_publishes_again(
    database: Database,
) -> None:
    order = uuid4()
    await _append(database, an_order_sent(order, attempt=1), an_order_sent(order, attempt=2))
    producer = RecordingProducer()
    relay = _relay(database, producer)
    async with database.engine.connect() as connection:
        backend = (await connection.execute(text("SELECT pg_backend_pid()"))).scalar_one()
        await connection.rollback()
        cut = [True]

        async def die_after_sending(records: Sequence[Outgoing]) -> list[Delivery]:
            answers = await RecordingProducer.send_all(producer, records)
            if cut.pop() if cut else False:
                await rows(database, "SELECT pg_terminate_backend(:pid)", pid=backend)
            return answers

        producer.send_all = die_after_sending  # type: ignore[method-assign]
        with pytest.raises(DBAPIError) as died:
            await relay.publish_once(connection)
        assert is_transient(died.value), "a relay waits this out"
        await connection.invalidate()
    assert await _unpublished(database) == [(order, 1), (order, 2)]
    assert await _publish_once(relay, database) == 2
    assert [n for _, n in producer.sent] == [b"1", b"2", b"1", b"2"]


async def test_another_relay_takes_over_when_the_active_ones_connection_dies(
    database: Database, urls: ServiceUrls
) -> None:
    # Each with a pool of its own, as in processes of their own: a lock left in a pool would show.
    pools = [Database(urls.url, pool_size=2) for _ in range(2)]
    first, second = (_relay(pool, RecordingProducer()) for pool in pools)
    async with running(first.run):
        await eventually(lambda: first.is_active, because="the first relay has the lock")
        async with running(second.run):
            holder = await rows(
                database,
                "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted"
                " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
            )
            assert len(holder) == 1
            assert not second.is_active
            await rows(database, "SELECT pg_terminate_backend(:pid)", pid=holder[0].pid)
            await eventually(lambda: second.is_active or first.is_active, because="one took over")
            order = uuid4()
            await _append(database, an_order_sent(order))

            async def published() -> bool:
                return await _unpublished(database) == []

            await eventually(published, because="the new active relay publishes")
            assert first.is_active != second.is_active
        await eventually(lambda: first.is_active, because="the lock is free after a clean end")
    for pool in pools:
        await pool.close()


async def test_events_arrive_in_kafka_under_their_subject_and_in_order(
    database: Database, settings: ServiceSettings, fresh_topic: Callable[[str], str]
) -> None:
    topic = fresh_topic("order-events")
    await make_topic(settings, topic, partitions=3)

    class Sent(OrderSent):
        TOPIC: ClassVar[str] = topic

    orders = [uuid4() for _ in range(10)]
    for attempt in range(1, 6):
        await _append(
            database,
            *(
                Sent.model_validate(an_order_sent(order, attempt=attempt).model_dump())
                for order in orders
            ),
        )
    relay = _relay(database, Producer(settings))
    async with running(relay.run):

        async def all_published() -> bool:
            return await _unpublished(database) == []

        await eventually(all_published)
        assert relay.is_ready()
    records = await read_topic(settings.kafka_bootstrap, topic, partitions=3)
    assert len(records) == 50
    for order in orders:
        mine = [each for each in records if each.key == str(order).encode()]
        assert [each.headers["ce_sequence"] for each in mine] == [b"1", b"2", b"3", b"4", b"5"]
        assert len({each.partition for each in mine}) == 1
    stored = await rows(database, "SELECT body FROM outbox")
    assert {each.value for each in records} == {row.body for row in stored}


async def test_dead_letters_are_copied_to_their_topic_once(
    database: Database, settings: ServiceSettings, fresh_topic: Callable[[str], str]
) -> None:
    topic = fresh_topic("order-events")
    await make_topic(settings, f"{topic}-orders-dlq")
    garbage = RawRecord(topic, 2, 41, b"key", b"\xff garbage", {"ce_id": b"7", "x": b"\xff"})
    async with database.transaction(Scope.everything()) as connection:
        await inbox.store(connection, [garbage], now=NOW, via="ingest")
    async with running(_relay(database, Producer(settings)).run):

        async def copied() -> bool:
            return await rows(
                database, "SELECT 1 FROM dead_letter WHERE copied_at IS NULL"
            ) == [] and bool(await rows(database, "SELECT 1 FROM dead_letter"))

        await eventually(copied, because="the letter is marked as copied")
    [copy] = await read_topic(settings.kafka_bootstrap, f"{topic}-orders-dlq")
    assert (copy.key, copy.value) == (garbage.key, garbage.value)
    assert copy.headers == {
        **garbage.headers,
        "reason": b"unreadable-headers",
        "consumer": b"orders",
        "original-topic": topic.encode(),
        "original-partition": b"2",
        "original-offset": b"41",
    }


async def test_a_letter_too_large_with_its_headers_is_copied_without_its_value(
    database: Database,
) -> None:
    garbage = RawRecord("order-events", 0, 1, None, b"huge", {})
    async with database.transaction(Scope.everything()) as connection:
        await inbox.store(connection, [garbage], now=NOW, via="ingest")
    producer = RecordingProducer()
    producer.refuse = lambda record: Delivery.TOO_LARGE if record.value else None
    async with running(_relay(database, producer).run):

        async def copied() -> bool:
            return bool(
                await rows(database, "SELECT 1 FROM dead_letter WHERE copied_at IS NOT NULL")
            )

        await eventually(copied)
    assert len(producer.sent) == 1


class FakeClient:
    """An aiokafka producer whose answers the test chooses."""

    def __init__(self, answers: Sequence[BaseException | None]) -> None:
        self.answers = list(answers)
        self.stopped = False

    async def start(self) -> None:
        if self.answers and isinstance(self.answers[0], KafkaConnectionError):
            raise self.answers.pop(0)  # type: ignore[misc]

    async def stop(self) -> None:
        self.stopped = True

    async def send(self, topic: str, **_: Any) -> asyncio.Future[None]:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        answer = self.answers.pop(0)
        if isinstance(answer, asyncio.InvalidStateError):
            return future
        if answer is None:
            future.set_result(None)
        else:
            future.set_exception(answer)
        return future


@pytest.mark.parametrize(
    "fatal", [OutOfOrderSequenceNumber(), asyncio.InvalidStateError("never answers")]
)
async def test_a_producer_that_broke_is_rebuilt(fatal: Exception) -> None:
    clients = [FakeClient([None, fatal]), FakeClient([None])]
    built: list[FakeClient] = []

    def build(**_: Any) -> FakeClient:
        built.append(clients[len(built)])
        return built[-1]

    producer = Producer(settings_for(), build=build, delivery_seconds=0.2)
    record = Outgoing("t", b"k", b"v")
    assert await producer.send_all([record, record]) == [Delivery.OK, Delivery.FAILED]
    assert clients[0].stopped
    assert not producer.is_healthy()
    assert await producer.send_all([record]) == [Delivery.OK]
    assert producer.is_healthy()
    assert len(built) == 2


async def test_a_producer_that_cannot_start_says_so_for_each_record() -> None:
    client = FakeClient([KafkaConnectionError()])
    producer = Producer(settings_for(), build=lambda **_: client)
    assert await producer.send_all([Outgoing("t", b"k", b"v")]) == [Delivery.FAILED]
    assert client.stopped


async def test_the_producer_asks_for_every_replica_and_idempotence_where_it_can(
    settings: ServiceSettings,
) -> None:
    seen: dict[str, Any] = {}

    def build(**options: Any) -> AIOKafkaProducer:
        seen.update(options)
        return AIOKafkaProducer(**options)

    producer = Producer(settings, build=build)
    assert await producer.send_all([]) == []
    topic = "order-events-options"
    await make_topic(settings, topic)
    assert await producer.send_all([Outgoing(topic, b"k", b"v")]) == [Delivery.OK]
    await producer.close()
    assert seen["acks"] == "all"
    assert seen["enable_idempotence"] is settings.kafka_idempotence
