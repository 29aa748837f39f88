"""EventSource on plain aiokafka: manual commit after the sink; fall-back and yardstick."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Sequence

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError
from aiokafka.structs import ConsumerRecord

from shared.kernel.errors import TransientError
from shared.messaging.header_names import tolerate_any_header_name
from shared.messaging.kafka import client_options
from shared.messaging.source import RecordSink
from shared.messaging.sources.delivery import BATCH, deliver, raw_record
from shared.messaging.stopping import CLOSE_SECONDS, FINISH_SECONDS, close_within, unless_stopped
from shared.runtime.settings import ServiceSettings

_LOG = logging.getLogger(__name__)
_POLL_MS = 50
_MAX_POLL_INTERVAL_MS = 1_000_000


class AiokafkaSource:
    """Reads topics as a member of the group named after the service."""

    def __init__(
        self, *, group: str, topics: Sequence[str], settings: ServiceSettings, batch: int = BATCH
    ) -> None:
        self._group = group
        self._topics = list(topics)
        self._settings = settings
        self._batch = batch
        self._ready = False

    def is_ready(self) -> bool:
        """Whether the group has given this member its partitions."""
        return self._ready

    async def run(self, sink: RecordSink, *, stop: asyncio.Event) -> None:
        """Feed the sink until `stop` is set; see EventSource.

        Raises:
            TransientError: the broker does not answer at the start.
            Exception: whatever the sink raises, except TransientError.
        """
        consumer = self._consumer()
        consumer.subscribe(self._topics, listener=_Readiness(self))
        try:
            await unless_stopped(consumer.start(), stop=stop)
            await unless_stopped(
                self._feed(consumer, sink, stop), stop=stop, finish_seconds=FINISH_SECONDS
            )
        except KafkaError as error:
            raise TransientError(f"the broker did not answer: {type(error).__name__}") from error
        finally:
            self.set_ready(ready=False)
            await close_within(CLOSE_SECONDS, consumer.stop(), what="the consumer")

    async def _feed(
        self, consumer: AIOKafkaConsumer, sink: RecordSink, stop: asyncio.Event
    ) -> None:
        while not stop.is_set():
            batches = await consumer.getmany(timeout_ms=_POLL_MS, max_records=self._batch)
            for partition, records in batches.items():
                if stop.is_set() or not await self._pass_on(
                    consumer, partition, records, sink, stop
                ):
                    return

    def set_ready(self, *, ready: bool) -> None:
        """Note whether the group has given this member its partitions."""
        self._ready = ready

    async def _pass_on(
        self,
        consumer: AIOKafkaConsumer,
        partition: TopicPartition,
        records: Sequence[ConsumerRecord],
        sink: RecordSink,
        stop: asyncio.Event,
    ) -> bool:
        if not await deliver(sink, [raw_record(record) for record in records], stop=stop):
            return False
        try:
            await consumer.commit({partition: records[-1].offset + 1})
        except (CommitFailedError, IllegalStateError):
            # The partition went to another member meanwhile; that one reads the records again.
            _LOG.info("a commit came too late", extra={"topic": partition.topic})
        return True

    def _consumer(self) -> AIOKafkaConsumer:
        tolerate_any_header_name()
        session_ms = int(self._settings.kafka_session_timeout_seconds * 1000)
        return AIOKafkaConsumer(
            **client_options(self._settings),
            group_id=self._group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            session_timeout_ms=session_ms,
            heartbeat_interval_ms=max(session_ms // 5, 200),
            max_poll_interval_ms=_MAX_POLL_INTERVAL_MS,
        )


class _Readiness(ConsumerRebalanceListener):  # type: ignore[misc] # aiokafka ships no types
    """Tells the source when it has its partitions."""

    def __init__(self, source: AiokafkaSource) -> None:
        self._source = source

    def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:  # noqa: ARG002
        """Not ready until the next assignment."""
        self._source.set_ready(ready=False)

    def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:  # noqa: ARG002
        """Ready, be it with no partition at all (more members than partitions)."""
        self._source.set_ready(ready=True)
