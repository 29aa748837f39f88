"""One suite for every adapter of EventSource: at least once, in order, never past the sink."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence

import pytest

from sandbox.broker import RunningBroker
from shared.kernel.errors import TransientError
from shared.messaging.events import RawRecord
from shared.messaging.parts import build_source
from shared.messaging.source import EventSource
from shared.messaging.sources.simulated import (
    CrashPoint,
    Faults,
    SimulatedCrashError,
    SimulatedLog,
    SimulatedSource,
)
from tests.integration.messaging.helpers import make_topic, produce, settings_for
from tests.support.odd_headers import READ_AS, OddName, odd_names_can_be_written
from tests.support.waiting import eventually

PARTITIONS = 2


class Sink:
    """Remembers what it stored; the test may make it fail first."""

    def __init__(self) -> None:
        self.stored: list[RawRecord] = []
        self.before: Callable[[Sequence[RawRecord]], Awaitable[None]] | None = None

    async def __call__(self, records: Sequence[RawRecord]) -> None:
        if self.before is not None:
            await self.before(records)
        self.stored.extend(records)

    def values(self, partition: int) -> list[bytes | None]:
        return [record.value for record in self.stored if record.partition == partition]

    def distinct(self, partition: int) -> list[bytes | None]:
        """Values in the order in which each was first stored."""
        return list(dict.fromkeys(self.values(partition)))


class SourceSuite(ABC):
    """The promises of EventSource; a subclass says how to write records and make sources."""

    topic: str

    @abstractmethod
    async def write(self, records: Sequence[RawRecord]) -> None:
        """Append records to their partitions."""

    @abstractmethod
    def new_source(self) -> EventSource:
        """Return a source as a freshly started process has it; always the same group."""

    def record(self, partition: int, number: int) -> RawRecord:
        value = f"{partition}-{number}".encode()
        return RawRecord(self.topic, partition, number, b"k", value, {"number": value})

    async def write_numbers(self, numbers: Sequence[int]) -> None:
        await self.write(
            [self.record(partition, n) for n in numbers for partition in range(PARTITIONS)]
        )

    def expected(self, partition: int, count: int) -> list[bytes | None]:
        return [f"{partition}-{n}".encode() for n in range(count)]

    async def run_until(
        self, source: EventSource, sink: Sink, done: Callable[[], bool], because: str
    ) -> None:
        """Run a source until `done`, then stop it cleanly."""
        stop = asyncio.Event()
        task = asyncio.create_task(source.run(sink, stop=stop))
        waiter = asyncio.create_task(eventually(done, within_seconds=40, because=because))
        await asyncio.wait({task, waiter}, return_when=asyncio.FIRST_COMPLETED)
        stop.set()
        async with asyncio.timeout(30):
            await task
        await waiter

    async def test_every_record_arrives_with_its_bytes_and_in_partition_order(self) -> None:
        await self.write_numbers(range(300))
        sink = Sink()
        source = self.new_source()
        assert not source.is_ready()
        ready: list[bool] = []

        def complete() -> bool:
            ready.append(source.is_ready())
            return all(len(sink.distinct(p)) >= 300 for p in range(PARTITIONS))

        await self.run_until(source, sink, complete, "all records arrived")
        assert ready[-1]
        assert not source.is_ready()
        for partition in range(PARTITIONS):
            assert sink.distinct(partition) == self.expected(partition, 300)
        first = sink.stored[0]
        assert first.topic == self.topic
        assert first.key == b"k"
        assert first.headers == {"number": first.value}

    async def test_tombstones_missing_keys_and_bytes_that_are_no_text_pass(self) -> None:
        odd = [
            RawRecord(self.topic, 0, 0, None, b"\xff\x00", {}),
            RawRecord(self.topic, 0, 1, b"\xfe", None, {"": b"\xff"}),
            RawRecord(self.topic, 0, 2, b"", b"", {"a": b""}),
            self.record(0, 3),
        ]
        await self.write(odd)
        sink = Sink()
        await self.run_until(
            self.new_source(), sink, lambda: len(sink.stored) >= 4, "odd records arrived"
        )
        assert [(r.key, r.value, r.headers) for r in sink.stored[:4]] == [
            (r.key, r.value, r.headers) for r in odd
        ]

    async def test_a_passing_trouble_of_the_sink_is_waited_out_in_place(self) -> None:
        await self.write_numbers(range(20))
        sink = Sink()
        troubles = [3]

        async def trouble(records: Sequence[RawRecord]) -> None:
            if troubles[0]:
                troubles[0] -= 1
                raise TransientError("the database is away")

        sink.before = trouble
        await self.run_until(
            self.new_source(),
            sink,
            lambda: all(len(sink.distinct(p)) >= 20 for p in range(PARTITIONS)),
            "all records arrived after the trouble",
        )
        assert troubles == [0]
        for partition in range(PARTITIONS):
            assert sink.distinct(partition) == self.expected(partition, 20)

    async def test_any_other_error_of_the_sink_ends_the_run_and_a_restart_skips_nothing(
        self,
    ) -> None:
        await self.write_numbers(range(10))
        sink = Sink()

        async def fail_at_five(records: Sequence[RawRecord]) -> None:
            if any(record.value == b"0-5" for record in records):
                raise KeyError("a bug")

        sink.before = fail_at_five
        with pytest.raises(KeyError, match="a bug"):
            async with asyncio.timeout(40):
                await self.new_source().run(sink, stop=asyncio.Event())
        assert b"0-5" not in sink.values(0)
        await self.write_numbers(range(10, 15))
        sink.before = None
        await self.run_until(
            self.new_source(),
            sink,
            lambda: all(len(sink.distinct(p)) >= 15 for p in range(PARTITIONS)),
            "the restart read everything",
        )
        for partition in range(PARTITIONS):
            assert sink.distinct(partition) == self.expected(partition, 15)

    async def test_what_the_sink_did_not_finish_is_not_acknowledged_at_a_stop(self) -> None:
        """Asked to stop while the sink cannot store: nothing may be lost."""
        await self.write_numbers(range(10))
        sink = Sink()
        stop = asyncio.Event()
        entered = asyncio.Event()

        async def never(records: Sequence[RawRecord]) -> None:
            entered.set()
            raise TransientError("the database is away")

        sink.before = never
        task = asyncio.create_task(self.new_source().run(sink, stop=stop))
        async with asyncio.timeout(40):
            await entered.wait()
            stop.set()
            await task
        assert sink.stored == []
        sink.before = None
        await self.run_until(
            self.new_source(),
            sink,
            lambda: all(len(sink.distinct(p)) >= 10 for p in range(PARTITIONS)),
            "the restart read everything",
        )
        for partition in range(PARTITIONS):
            assert sink.distinct(partition) == self.expected(partition, 10)

    async def test_a_restart_goes_on_where_the_stop_was(self) -> None:
        await self.write_numbers(range(50))
        sink = Sink()
        await self.run_until(
            self.new_source(),
            sink,
            lambda: all(len(sink.distinct(p)) >= 50 for p in range(PARTITIONS)),
            "the first run read all",
        )
        await self.write_numbers(range(50, 60))
        again = Sink()
        await self.run_until(
            self.new_source(),
            again,
            lambda: all(f"{p}-59".encode() in again.values(p) for p in range(PARTITIONS)),
            "the second run read the rest",
        )
        for partition in range(PARTITIONS):
            assert again.distinct(partition) == self.expected(partition, 60)[50:]


class KafkaSuite(SourceSuite):
    """The suite against a real broker."""

    kind: str

    @pytest.fixture(autouse=True)
    async def _topic(
        self,
        broker: RunningBroker,
        fresh_topic: Callable[[str], str],
        fresh_group: Callable[[str], str],
    ) -> None:
        self.topic = fresh_topic("source")
        self.group = fresh_group("source")
        self.settings = settings_for(
            broker.bootstrap,
            event_source=self.kind,
            # Short, so that a restarted member does not wait long for its predecessor to expire.
            kafka_session_timeout_seconds=3,
        )
        await make_topic(self.settings, self.topic, PARTITIONS)

    async def write(self, records: Sequence[RawRecord]) -> None:
        await produce(self.settings.kafka_bootstrap, records)

    def new_source(self) -> EventSource:
        return build_source([self.topic], service=self.group, settings=self.settings)

    async def test_a_header_name_that_is_no_text_stops_nothing(self, broker: RunningBroker) -> None:
        odd = self.record(0, 0)
        odd.headers[OddName("odd")] = b"x"
        with odd_names_can_be_written():
            await self.write([odd, self.record(0, 1)])
        sink = Sink()
        await self.run_until(
            self.new_source(), sink, lambda: len(sink.stored) >= 2, "both records arrived"
        )
        assert sink.distinct(0) == self.expected(0, 2)
        assert sink.stored[0].headers == {"number": b"0-0", READ_AS: b"x"}

    async def test_a_second_member_takes_its_share_and_nothing_is_lost(self) -> None:
        await self.write_numbers(range(20))
        sink, stop = Sink(), asyncio.Event()
        first = self.new_source()
        second = self.new_source()
        other = Sink()
        tasks = [asyncio.create_task(first.run(sink, stop=stop))]
        await eventually(lambda: len(sink.stored) >= 40, within_seconds=40)
        tasks.append(asyncio.create_task(second.run(other, stop=stop)))
        written = [20]

        async def both_have_work() -> bool:
            assert not any(task.done() for task in tasks)
            await self.write_numbers([written[0]])
            written[0] += 1
            return bool(other.stored) and first.is_ready() and second.is_ready()

        await eventually(both_have_work, within_seconds=60, because="the second member has work")
        both = Sink()

        def complete() -> bool:
            both.stored = sink.stored + other.stored
            return all(len(set(both.values(p))) == written[0] for p in range(PARTITIONS))

        await eventually(complete, within_seconds=40, because="the members together read all")
        stop.set()
        await asyncio.gather(*tasks)
        for partition in range(PARTITIONS):
            assert set(both.values(partition)) == set(self.expected(partition, written[0]))


class TestFaustSource(KafkaSuite):
    """Faust keeps the promises."""

    kind = "faust"


class TestAiokafkaSource(KafkaSuite):
    """Plain aiokafka keeps the promises."""

    kind = "aiokafka"


class TestSimulatedSource(SourceSuite):
    """The simulation keeps the promises, with one batch in three delivered again."""

    @pytest.fixture(autouse=True)
    def _log(self) -> None:
        self.topic = "simulated"
        self.log = SimulatedLog()
        self.starts = 0
        self.faults = Faults(redelivery=0.3)

    async def write(self, records: Sequence[RawRecord]) -> None:
        for each in records:
            self.log.append(
                each.topic, each.partition, key=each.key, value=each.value, headers=each.headers
            )

    def new_source(self) -> EventSource:
        self.starts += 1
        return SimulatedSource(
            self.log,
            group="group",
            topics=[self.topic],
            seed=self.starts,
            faults=self.faults,
            batch=5,
        )

    async def test_a_restart_goes_on_where_the_stop_was(self) -> None:
        self.faults = Faults()
        await super().test_a_restart_goes_on_where_the_stop_was()

    @pytest.mark.parametrize("point", list(CrashPoint))
    async def test_a_crash_at_any_point_loses_nothing(self, point: CrashPoint) -> None:
        await self.write_numbers(range(40))
        sink = Sink()
        self.faults = Faults(redelivery=0.2, crashes={2: point})
        for _ in range(100):
            stop = asyncio.Event()
            task = asyncio.create_task(self.new_source().run(sink, stop=stop))
            try:
                async with asyncio.timeout(0.5):
                    await task
            except SimulatedCrashError:
                if all(len(sink.distinct(p)) == 40 for p in range(PARTITIONS)):
                    break
            except TimeoutError:
                break
        for partition in range(PARTITIONS):
            assert sink.distinct(partition) == self.expected(partition, 40)

    async def test_the_same_seed_gives_the_same_deliveries(self) -> None:
        await self.write_numbers(range(40))
        runs: list[list[bytes | None]] = []
        for _ in range(2):
            self.starts = 0
            self.log.acknowledged.clear()
            sink = Sink()
            await self.run_until(
                self.new_source(),
                sink,
                lambda sink=sink: all(  # type: ignore[misc]
                    len(sink.distinct(p)) >= 40 for p in range(PARTITIONS)
                ),
                "all arrived",
            )
            runs.append([record.value for record in sink.stored][:80])
        assert runs[0] == runs[1]
