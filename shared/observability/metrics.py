"""Metrics of one service for Prometheus: its HTTP edge, its process, and figures read when asked.

Each service has a registry of its own, so that two in one process (tests, the one-machine run) do
not mix.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

_LOG = logging.getLogger(__name__)
GaugeProvider = Callable[[], Awaitable[Mapping[str, float]]]
"""Reads figures of the moment, by name ("outbox_unpublished"), when Prometheus asks."""

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
PREFIX = "quittance_"
_PROVIDER_SECONDS = 2.0
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})
_NAME = re.compile(r"[a-z][a-z0-9_]*")


class ServiceMetrics:
    """The metrics of one service."""

    def __init__(self, service: str, *, gauges: Sequence[GaugeProvider] = ()) -> None:
        self._registry = CollectorRegistry()
        self._providers = list(gauges)
        self._rendering = asyncio.Lock()
        labels = ("service", "method", "route", "status")
        self._service = service
        self._requests = Counter(
            f"{PREFIX}http_requests", "HTTP requests answered.", labels, registry=self._registry
        )
        self._seconds = Histogram(
            f"{PREFIX}http_request_duration_seconds",
            "Time from a request's head to its answer.",
            labels[:3],
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self._failures = Counter(
            f"{PREFIX}gauge_failures",
            "Figures that could not be read when Prometheus asked.",
            ("service",),
            registry=self._registry,
        )
        self._figures = _Figures(service)
        self._registry.register(self._figures)
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self._registry)

    def add_gauges(self, provider: GaugeProvider) -> None:
        """Ask this provider, too, at each scrape."""
        self._providers.append(provider)

    def request_done(self, *, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answered request.

        Args:
            route: the template ("/v1/practices/{practice_id}/orders"), never the path itself.
            seconds: how long it took.
        """
        known = method if method in _METHODS else "OTHER"
        self._requests.labels(self._service, known, route, str(status)).inc()
        self._seconds.labels(self._service, known, route).observe(seconds)

    async def render(self) -> bytes:
        """Return everything in Prometheus' text format; a provider that fails is left out."""
        async with self._rendering:
            answers = await asyncio.gather(*(self._ask(provider) for provider in self._providers))
            self._figures.values = {name: value for answer in answers for name, value in answer}
            return generate_latest(self._registry)

    async def _ask(self, provider: GaugeProvider) -> Sequence[tuple[str, float]]:
        try:
            figures = await asyncio.wait_for(provider(), _PROVIDER_SECONDS)
            return _named(figures)
        except Exception:  # noqa: BLE001 - one figure less must not hide all the others
            self._failures.labels(self._service).inc()
            _LOG.warning("a figure for the metrics could not be read", exc_info=True)
            return ()


def _named(figures: Mapping[str, float]) -> Sequence[tuple[str, float]]:
    wrong = [name for name in figures if not _NAME.fullmatch(name)]
    if wrong:
        raise ValueError(f"not names of metrics: {', '.join(wrong)}")
    return tuple(figures.items())


class _Figures(Collector):
    """Hands the figures that were just read to the registry."""

    def __init__(self, service: str) -> None:
        self._service = service
        self.values: Mapping[str, float] = {}

    def collect(self) -> Iterator[GaugeMetricFamily]:
        for name, value in sorted(self.values.items()):
            family = GaugeMetricFamily(
                f"{PREFIX}{name}", name.replace("_", " ").capitalize() + ".", labels=("service",)
            )
            family.add_metric((self._service,), value)
            yield family
