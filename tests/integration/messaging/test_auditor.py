"""The auditor finds what never reached the inbox, stores it, and says so loudly."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio

from shared.db import Database, Scope
from shared.kernel.clock import SystemClock
from shared.messaging import inbox
from shared.messaging.auditor import Auditor
from shared.messaging.events import RawRecord
from shared.runtime.settings import ServiceSettings
from tests.integration.messaging.helpers import NOW, a_record, make_topic, produce, rows, running
from tests.support.odd_headers import READ_AS, OddName, odd_names_can_be_written
from tests.support.waiting import eventually


class Bench:
    """Ten records on a topic with two partitions."""

    def __init__(self, topic: str, settings: ServiceSettings, database: Database) -> None:
        self.topic = topic
        self.settings = settings
        self.database = database
        self.records = [a_record(topic=topic, partition=n % 2, offset=n // 2) for n in range(10)]

    def auditor(self, *, stands_still_seconds: float = 600) -> Auditor:
        return Auditor(
            topics=[self.topic],
            settings=self.settings,
            database=self.database,
            clock=SystemClock(),
            tick_seconds=0.1,
            stands_still_seconds=stands_still_seconds,
        )

    async def ingest(self, *records: RawRecord) -> None:
        async with self.database.transaction(Scope.everything()) as connection:
            await inbox.store(connection, records, now=NOW, via="ingest")

    async def lose(self, record: RawRecord) -> None:
        await rows(
            self.database,
            "DELETE FROM inbox WHERE event_id = CAST(:id AS uuid)",
            id=record.headers["ce_id"].decode(),
        )

    async def audited(self) -> bool:
        found = await rows(
            self.database, "SELECT next_offset FROM topic_offset WHERE reader = 'auditor'"
        )
        return [row.next_offset for row in found] == [5, 5]

    async def vias(self) -> list[str]:
        found = await rows(self.database, "SELECT via FROM inbox ORDER BY kafka_offset")
        return [row.via for row in found]


@pytest_asyncio.fixture
async def bench(
    database: Database, settings: ServiceSettings, fresh_topic: Callable[[str], str]
) -> AsyncIterator[Bench]:
    bench = Bench(fresh_topic("order-events"), settings, database)
    await make_topic(settings, bench.topic, partitions=2)
    await produce(settings.kafka_bootstrap, bench.records)
    yield bench


async def test_a_row_lost_from_the_inbox_comes_back_with_an_alarm(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    await bench.ingest(*bench.records)
    lost = bench.records[3]
    await bench.lose(lost)
    auditor = bench.auditor()
    async with running(auditor.run):
        await eventually(bench.audited, because="both partitions were audited")
    assert auditor.found_missing == 1
    found = await rows(
        bench.database,
        "SELECT value, status, kafka_partition, kafka_offset FROM inbox WHERE via = 'auditor'",
    )
    assert found == [(lost.value, "pending", lost.partition, lost.offset)]
    assert "ALARM" in caplog.text


async def test_a_header_name_that_is_no_text_does_not_stop_the_audit(bench: Bench) -> None:
    odd = a_record(topic=bench.topic, partition=0, offset=5, headers={OddName("odd"): b"x"})
    with odd_names_can_be_written():
        await produce(bench.settings.kafka_bootstrap, [odd])
    await bench.ingest(*bench.records)
    await rows(bench.database, "UPDATE topic_offset SET next_offset = 6 WHERE kafka_partition = 0")
    auditor = bench.auditor()
    async with running(auditor.run):
        await eventually(lambda: auditor.found_missing == 1, because="the odd record was read")
    found = await rows(
        bench.database, "SELECT kafka_offset, status, headers FROM inbox WHERE via = 'auditor'"
    )
    assert [tuple(row)[:2] for row in found] == [(5, "pending")]
    assert found[0].headers[READ_AS] == "x"


async def test_a_whole_inbox_raises_no_alarm_and_counts_no_delivery(bench: Bench) -> None:
    garbage = RawRecord(bench.topic, 0, 5, None, b"garbage", {})
    await produce(bench.settings.kafka_bootstrap, [garbage])
    await bench.ingest(*bench.records, garbage)
    auditor = bench.auditor()
    async with running(auditor.run):

        async def done() -> bool:
            found = await rows(
                bench.database,
                "SELECT sum(next_offset) AS read FROM topic_offset WHERE reader = 'auditor'",
            )
            return found[0].read == 11

        await eventually(done)
    assert auditor.found_missing == 0
    assert await rows(bench.database, "SELECT DISTINCT deliveries, via FROM inbox") == [
        (1, "ingest")
    ]


async def test_it_stays_behind_an_ingest_that_is_still_working(bench: Bench) -> None:
    await bench.ingest(bench.records[0])
    auditor = bench.auditor()
    async with running(auditor.run):

        async def first_audited() -> bool:
            found = await rows(
                bench.database,
                "SELECT kafka_partition, next_offset FROM topic_offset WHERE reader = 'auditor'",
            )
            return found == [(0, 1)]

        await eventually(first_audited)
    assert auditor.found_missing == 0
    assert await bench.vias() == ["ingest"]


async def test_it_steps_in_where_ingest_stands_still(bench: Bench) -> None:
    auditor = bench.auditor(stands_still_seconds=0.2)
    async with running(auditor.run):
        await eventually(bench.audited)
    assert auditor.found_missing == 10
    assert await bench.vias() == ["auditor"] * 10


async def test_a_restart_goes_on_where_it_was(bench: Bench) -> None:
    await bench.ingest(*bench.records)
    async with running(bench.auditor().run):
        await eventually(bench.audited)
    await bench.lose(bench.records[0])
    second = bench.auditor()
    more = a_record(topic=bench.topic, partition=0, offset=5)
    await produce(bench.settings.kafka_bootstrap, [more])
    await bench.ingest(more)
    async with running(second.run):

        async def moved() -> bool:
            found = await rows(
                bench.database,
                "SELECT 1 FROM topic_offset WHERE reader = 'auditor' AND next_offset = 6",
            )
            return bool(found)

        await eventually(moved)
    assert second.found_missing == 0


async def test_a_topic_whose_data_were_lost_is_audited_from_its_start(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    await bench.ingest(*bench.records)
    await bench.lose(bench.records[0])
    await rows(
        bench.database,
        "INSERT INTO topic_offset VALUES ('auditor', :t, 0, 900), ('auditor', :t, 1, 900)",
        t=bench.topic,
    )
    auditor = bench.auditor(stands_still_seconds=0.2)
    async with running(auditor.run):
        await eventually(bench.audited)
    assert auditor.found_missing == 1
    assert "shorter than what was read" in caplog.text
