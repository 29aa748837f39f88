"""The messaging parts of a service process, as its settings' roles say; built in one place."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from shared.contracts.topics import topics_consumed_by
from shared.db.engine import Database
from shared.kernel.clock import Clock
from shared.messaging.auditor import Auditor
from shared.messaging.events import Subscription
from shared.messaging.ingest import inbox_sink
from shared.messaging.processor import Processor
from shared.messaging.producer import Producer
from shared.messaging.relay import Relay
from shared.messaging.source import EventSource
from shared.messaging.topics import topics_of, wait_for_topics
from shared.runtime.parts import Part
from shared.runtime.settings import Role, ServiceSettings

HealthCheck = Callable[[], bool | Awaitable[bool]]
"""Says whether a part has what it needs now."""


class Messaging:
    """Relay, ingest, processor and auditor of one service in this process."""

    def __init__(
        self,
        *,
        service: str,
        settings: ServiceSettings,
        database: Database,
        subscriptions: Sequence[Subscription[Any]],
        clock: Clock,
    ) -> None:
        self._service = service
        self._settings = settings
        self._database = database
        self._subscriptions = subscriptions
        self._clock = clock
        self._consumed = [topic.name for topic in topics_consumed_by(service)]
        self._topics_ready = False
        self._topics_lock = asyncio.Lock()
        self._relay = Relay(
            service=service, database=database, producer=Producer(settings), clock=clock
        )
        self._source = build_source(self._consumed, service=service, settings=settings)

    def parts(self) -> list[Part]:
        """Return the parts that this process runs; one without topics to read has no intake."""
        parts: list[Part] = []
        if self._settings.runs(Role.RELAY):
            parts.append(Part("relay", self._run_relay))
        if self._consumed and self._settings.runs(Role.INGEST):
            parts.append(Part("ingest", self._run_ingest))
        if self._settings.runs(Role.PROCESSOR):
            parts.append(Part("processor", self._processor().run))
        if self._consumed and self._settings.runs(Role.AUDITOR):
            parts.append(Part("auditor", self._run_auditor))
        return parts

    def readiness(self) -> Mapping[str, HealthCheck]:
        """Return the checks of this process's parts: broker reached, partitions assigned."""
        checks: dict[str, HealthCheck] = {}
        names = {part.name for part in self.parts()}
        if names & {"relay", "ingest", "auditor"}:
            checks["topics"] = lambda: self._topics_ready
        if "relay" in names:
            checks["relay"] = self._relay.is_ready
        if "ingest" in names:
            checks["ingest"] = self._source.is_ready
        return checks

    def _processor(self) -> Processor:
        return Processor(
            database=self._database, subscriptions=self._subscriptions, clock=self._clock
        )

    async def _run_relay(self, stop: asyncio.Event) -> None:
        await self._wait_for_topics(stop)
        await self._relay.run(stop)

    async def _run_ingest(self, stop: asyncio.Event) -> None:
        await self._wait_for_topics(stop)
        if not stop.is_set():
            await self._source.run(inbox_sink(self._database, self._clock), stop=stop)

    async def _run_auditor(self, stop: asyncio.Event) -> None:
        await self._wait_for_topics(stop)
        auditor = Auditor(
            topics=self._consumed,
            settings=self._settings,
            database=self._database,
            clock=self._clock,
        )
        await auditor.run(stop)

    async def _wait_for_topics(self, stop: asyncio.Event) -> None:
        async with self._topics_lock:
            if not self._topics_ready:
                await wait_for_topics(self._settings, topics_of(self._service), stop=stop)
                self._topics_ready = not stop.is_set()


def build_source(topics: Sequence[str], *, service: str, settings: ServiceSettings) -> EventSource:
    """Return the event source that the settings name; the group is named after the service."""
    if settings.event_source == "aiokafka":
        from shared.messaging.sources.aiokafka_source import AiokafkaSource

        return AiokafkaSource(group=service, topics=topics, settings=settings)
    # Faust is heavy; a process that does not use it shall not load it.
    from shared.messaging.sources.faust_source import FaustSource

    return FaustSource(group=service, topics=topics, settings=settings)


def messaging_parts(
    *,
    service: str,
    settings: ServiceSettings,
    database: Database,
    subscriptions: Sequence[Subscription[Any]],
    clock: Clock,
) -> list[Part]:
    """Return the messaging parts of a process; use `Messaging` where readiness is wanted too."""
    messaging = Messaging(
        service=service,
        settings=settings,
        database=database,
        subscriptions=subscriptions,
        clock=clock,
    )
    return messaging.parts()
