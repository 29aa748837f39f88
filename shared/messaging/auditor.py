"""Proves that the inbox has every record, without trusting Faust: reads the topics once more.

Plain aiokafka, partitions assigned by hand, its own offsets in the database. It follows behind
what ingest says it has stored; a record that the inbox lacks there was lost on the way, so it is
stored now and an alarm is logged. It also steps in where ingest stands still for a minute.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Mapping, Sequence

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.db.engine import Database
from shared.db.scope import Scope
from shared.kernel.clock import Clock
from shared.kernel.errors import TransientError
from shared.messaging import inbox
from shared.messaging.events import RawRecord
from shared.messaging.header_names import tolerate_any_header_name
from shared.messaging.kafka import client_options
from shared.messaging.sources.delivery import raw_record
from shared.messaging.stopping import CLOSE_SECONDS, FINISH_SECONDS, close_within, unless_stopped
from shared.messaging.topics import partition_counts, pause
from shared.runtime.settings import ServiceSettings

_LOG = logging.getLogger(__name__)
TICK_SECONDS = 3.0
INGEST_STANDS_STILL_SECONDS = 60.0
_BATCH = 500
_POLL_MS = 1000
_AWAY_SECONDS = (0.5, 10.0)

_OFFSETS = text(
    "SELECT reader, topic, kafka_partition, next_offset FROM topic_offset"
    " WHERE topic = ANY (CAST(:topics AS text[]))"
)
_KNOWN = text("SELECT event_id FROM inbox WHERE event_id = ANY (CAST(:event_ids AS uuid[]))")
_START_AGAIN = text(
    "DELETE FROM topic_offset WHERE topic = :topic AND kafka_partition = :partition"
)

Offsets = Mapping[TopicPartition, int]


class Auditor:
    """Re-reads a service's topics behind its ingest, and heals what is missing in the inbox."""

    def __init__(
        self,
        *,
        topics: Sequence[str],
        settings: ServiceSettings,
        database: Database,
        clock: Clock,
        tick_seconds: float = TICK_SECONDS,
        stands_still_seconds: float = INGEST_STANDS_STILL_SECONDS,
    ) -> None:
        self._topics = list(topics)
        self._settings = settings
        self._database = database
        self._clock = clock
        self._tick_seconds = tick_seconds
        self._stands_still_seconds = stands_still_seconds
        self._previous_ends: dict[TopicPartition, int] = {}
        self._ingest_moved: dict[TopicPartition, tuple[int, float]] = {}
        self.found_missing = 0

    async def run(self, stop: asyncio.Event) -> None:
        """Audit until `stop` is set; wait out a broker or database that is away."""
        delay = _AWAY_SECONDS[0]
        while not stop.is_set():
            try:
                await unless_stopped(self._run_once(stop), stop=stop, finish_seconds=FINISH_SECONDS)
                delay = _AWAY_SECONDS[0]
            except (KafkaError, OSError, TransientError) as error:
                _LOG.warning(
                    "the audit was interrupted, trying again",
                    extra={"retry_in_seconds": round(delay, 1), "error": type(error).__name__},
                )
                await pause(stop, delay * random.uniform(0.8, 1.2))  # noqa: S311 - jitter
                delay = min(delay * 2, _AWAY_SECONDS[1])

    async def _run_once(self, stop: asyncio.Event) -> None:
        partitions = await self._partitions()
        tolerate_any_header_name()
        consumer = AIOKafkaConsumer(
            **client_options(self._settings),
            enable_auto_commit=False,
            group_id=None,
            # Where retention took the first records, the audit goes on with what is left.
            auto_offset_reset="earliest",
        )
        try:
            await consumer.start()
            consumer.assign(partitions)
            consumer.pause(*partitions)
            while not stop.is_set():
                await self._tick(consumer, partitions, stop)
                await pause(stop, self._tick_seconds)
        finally:
            await close_within(CLOSE_SECONDS, consumer.stop(), what="the auditor's consumer")

    async def _partitions(self) -> list[TopicPartition]:
        counts = await partition_counts(self._settings)
        missing = [topic for topic in self._topics if topic not in counts]
        if missing:
            raise TransientError(f"not visible yet: {', '.join(missing)}")
        return [
            TopicPartition(topic, number)
            for topic in self._topics
            for number in range(counts[topic])
        ]

    async def _tick(
        self, consumer: AIOKafkaConsumer, partitions: Sequence[TopicPartition], stop: asyncio.Event
    ) -> None:
        """Audit each partition up to where it ended one tick ago, behind ingest."""
        ends: dict[TopicPartition, int] = await consumer.end_offsets(partitions)
        async with self._database.transaction(Scope.everything()) as connection:
            stored, audited = await self._offsets(connection)
        for partition in partitions:
            start = audited.get(partition, 0)
            if start > ends[partition]:
                await self._start_again(partition)
                continue
            end = self._target(partition, stored.get(partition, 0), ends[partition])
            if start < end:
                await self._audit(consumer, partition, start, end, stop)
        self._previous_ends = ends

    async def _offsets(self, connection: AsyncConnection) -> tuple[Offsets, Offsets]:
        """Return the next offsets of (ingest, auditor)."""
        by_reader: dict[str, dict[TopicPartition, int]] = {"ingest": {}, "auditor": {}}
        for row in await connection.execute(_OFFSETS, {"topics": self._topics}):
            partition = TopicPartition(row.topic, row.kafka_partition)
            by_reader[row.reader][partition] = row.next_offset
        return by_reader["ingest"], by_reader["auditor"]

    def _target(self, partition: TopicPartition, stored: int, end: int) -> int:
        """Return the offset to audit up to: what ingest has stored, or all if it stands still."""
        behind = min(self._previous_ends.get(partition, 0), end)
        moved = self._ingest_moved.get(partition)
        if moved is None or moved[0] != stored or stored >= behind:
            self._ingest_moved[partition] = (stored, time.monotonic())
            return min(stored, behind)
        if time.monotonic() - moved[1] < self._stands_still_seconds:
            return min(stored, behind)
        return behind

    async def _start_again(self, partition: TopicPartition) -> None:
        _LOG.error(
            "a topic is shorter than what was read from it: the broker's data were lost or"
            " replaced; it is audited from its start",
            extra={"topic": partition.topic, "partition": partition.partition},
        )
        async with self._database.transaction(Scope.everything()) as connection:
            place = {"topic": partition.topic, "partition": partition.partition}
            await connection.execute(_START_AGAIN, place)

    async def _audit(
        self,
        consumer: AIOKafkaConsumer,
        partition: TopicPartition,
        start: int,
        end: int,
        stop: asyncio.Event,
    ) -> None:
        consumer.seek(partition, start)
        consumer.resume(partition)
        try:
            while start < end and not stop.is_set():
                batches = await consumer.getmany(partition, timeout_ms=_POLL_MS, max_records=_BATCH)
                records = [
                    raw_record(each) for each in batches.get(partition, ()) if each.offset < end
                ]
                if not records:
                    # Nothing below `end` any more: retention took it, or the broker is slow.
                    return
                await self._compare(records)
                start = records[-1].offset + 1
        finally:
            consumer.pause(partition)

    async def _compare(self, records: Sequence[RawRecord]) -> None:
        by_id = {inbox.identity(record): record for record in records}
        async with self._database.transaction(Scope.everything()) as connection:
            result = await connection.execute(_KNOWN, {"event_ids": list(by_id)})
            known = {row.event_id for row in result}
            missing = [record for event_id, record in by_id.items() if event_id not in known]
            if missing:
                await inbox.store(connection, missing, now=self._clock.now(), via="auditor")
            await inbox.advance_offsets(connection, records, reader="auditor")
        for record in missing:
            self.found_missing += 1
            _LOG.error(
                "ALARM: a record never reached the inbox; the auditor stored it",
                extra={
                    "topic": record.topic,
                    "partition": record.partition,
                    "offset": record.offset,
                },
            )
