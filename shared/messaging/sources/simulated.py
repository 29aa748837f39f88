"""EventSource in memory, driven by a seed: repeats, mixes partitions, and crashes where told.

With it the same handlers run in simulation and tests that run from Kafka; whatever a broker may do
within "at least once, in order per partition" this one does often.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum

from shared.messaging.events import RawRecord
from shared.messaging.source import RecordSink
from shared.messaging.sources.delivery import deliver
from shared.messaging.topics import pause

_IDLE_SECONDS = 0.005


class CrashPoint(Enum):
    """Where a simulated process dies in the delivery of a batch."""

    BEFORE_SINK = "read, but not handed over"
    AFTER_SINK = "stored, but not acknowledged"
    AFTER_ACK = "stored and acknowledged"


class SimulatedCrashError(Exception):
    """The simulated process died; a new source on the same log is its restart."""


@dataclass(slots=True)
class SimulatedLog:
    """What a broker keeps: records per partition, and the acknowledged offsets per group."""

    records: dict[tuple[str, int], list[RawRecord]] = field(default_factory=dict)
    acknowledged: dict[tuple[str, str, int], int] = field(default_factory=dict)

    def append(
        self,
        topic: str,
        partition: int,
        *,
        key: bytes | None,
        value: bytes | None,
        headers: dict[str, bytes] | None = None,
    ) -> RawRecord:
        """Add a record at the end of a partition."""
        partition_log = self.records.setdefault((topic, partition), [])
        record = RawRecord(topic, partition, len(partition_log), key, value, headers or {})
        partition_log.append(record)
        return record


@dataclass(frozen=True, slots=True)
class Faults:
    """How often things go wrong.

    Attributes:
        redelivery: chance per batch that the partition is read again from its acknowledged offset.
        crashes: per batch number (from 0), where the process dies in it.
    """

    redelivery: float = 0.0
    crashes: dict[int, CrashPoint] = field(default_factory=dict)


class SimulatedSource:
    """Reads a SimulatedLog as one member of a group."""

    def __init__(
        self,
        log: SimulatedLog,
        *,
        group: str,
        topics: Sequence[str],
        seed: int = 0,
        faults: Faults | None = None,
        batch: int = 50,
    ) -> None:
        self._log = log
        self._group = group
        self._topics = set(topics)
        self._random = random.Random(seed)  # noqa: S311 - a simulation must repeat itself
        self._faults = faults or Faults()
        self._batch = batch
        self._position: dict[tuple[str, int], int] = {}
        self._batches = 0
        self._ready = False

    def is_ready(self) -> bool:
        """Whether the source runs."""
        return self._ready

    async def run(self, sink: RecordSink, *, stop: asyncio.Event) -> None:
        """Feed the sink until `stop` is set; see EventSource.

        Raises:
            SimulatedCrashError: a crash point was reached.
            Exception: whatever the sink raises, except TransientError.
        """
        with self._running():
            while not stop.is_set():
                place = self._next_partition()
                if place is None:
                    await pause(stop, _IDLE_SECONDS)
                elif not await self._pass_on(place, sink, stop):
                    return

    @contextmanager
    def _running(self) -> Iterator[None]:
        """A start reads from what was acknowledged, as a restarted process does."""
        self._position.clear()
        self._ready = True
        try:
            yield
        finally:
            self._ready = False

    def _next_partition(self) -> tuple[str, int] | None:
        places = sorted(
            place
            for place, records in self._log.records.items()
            if place[0] in self._topics and self._position_of(place) < len(records)
        )
        return self._random.choice(places) if places else None

    async def _pass_on(self, place: tuple[str, int], sink: RecordSink, stop: asyncio.Event) -> bool:
        crash = self._faults.crashes.get(self._batches)
        self._batches += 1
        start = self._position_of(place)
        end = start + self._random.randint(1, self._batch)
        records = self._log.records[place][start:end]
        self._crash_if(crash, CrashPoint.BEFORE_SINK)
        if not await deliver(sink, records, stop=stop):
            return False
        self._crash_if(crash, CrashPoint.AFTER_SINK)
        self._position[place] = records[-1].offset + 1
        if self._random.random() < self._faults.redelivery:
            # As after a rebalance whose commit came too late.
            del self._position[place]
            return True
        self._log.acknowledged[self._group, *place] = records[-1].offset + 1
        self._crash_if(crash, CrashPoint.AFTER_ACK)
        return True

    def _position_of(self, place: tuple[str, int]) -> int:
        acknowledged = self._log.acknowledged.get((self._group, *place), 0)
        return self._position.get(place, acknowledged)

    @staticmethod
    def _crash_if(planned: CrashPoint | None, here: CrashPoint) -> None:
        if planned is here:
            raise SimulatedCrashError(here.value)
