"""What a service is made of; its bootstrap builds one, the runtime runs it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared.db.engine import Database
from shared.kernel.clock import Clock
from shared.messaging.events import Subscription
from shared.observability.metrics import GaugeProvider
from shared.runtime.parts import Part
from shared.runtime.settings import ServiceSettings
from shared.web.endpoints import Endpoint


@dataclass(frozen=True, slots=True)
class ServiceDefinition:
    """A service, assembled but not yet running.

    Attributes:
        name: as in shared.contracts.topics ("debident-gateway"); also the Kafka group.
        title: for people and the OpenAPI document.
        migrations: folder of the Alembic migrations.
        endpoints: its HTTP API.
        subscriptions: the events that it works; all other types on its topics are passed over.
        gauges: its own figures for the metrics, read at each scrape.
        timers: its own long-running parts (polls, bookers).
    """

    name: str
    title: str
    settings: ServiceSettings
    database: Database
    clock: Clock
    migrations: Path
    endpoints: Sequence[Endpoint]
    subscriptions: Sequence[Subscription[Any]]
    timers: Sequence[Part] = ()
    gauges: Sequence[GaugeProvider] = ()
