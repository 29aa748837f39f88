"""A plain aiokafka producer that says per record what became of it, and is rebuilt when broken."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    KafkaError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    RecordTooLargeError,
)

from shared.messaging.kafka import client_options
from shared.messaging.stopping import CLOSE_SECONDS, close_within
from shared.runtime.settings import ServiceSettings

_LOG = logging.getLogger(__name__)
DELIVERY_SECONDS = 15.0
_REQUEST_BYTES_MAX = 2 * 1024 * 1024
_TOO_LARGE = (
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    RecordTooLargeError,
)


class Delivery(Enum):
    """What became of one record."""

    OK = "acknowledged by all in-sync replicas"
    TOO_LARGE = "too large for the broker"
    FAILED = "not acknowledged"

    @property
    def reason(self) -> str:
        """The same in words, for the outbox row."""
        return self.value


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One record to send."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]] = field(default_factory=list)


class Producer:
    """Sends records with acks=all, idempotently where the settings allow.

    Never raises for a record or a broker: the answer is a `Delivery` per record. An error that may
    have left the client unusable (fenced, out of order, dead sender task, no answer in time) makes
    the next call build a new one; the price is a possible duplicate.
    """

    def __init__(
        self,
        settings: ServiceSettings,
        *,
        build: Callable[..., Any] = AIOKafkaProducer,
        delivery_seconds: float = DELIVERY_SECONDS,
    ) -> None:
        self._settings = settings
        self._build = build
        self._delivery_seconds = delivery_seconds
        self._client: Any = None
        self._healthy = True

    def is_healthy(self) -> bool:
        """Whether the broker answered the last time that it was asked."""
        return self._healthy

    async def send_all(self, records: Sequence[Outgoing]) -> list[Delivery]:
        """Send records and wait for all answers; return them in the same order."""
        if not records:
            return []
        if not await self._ready():
            return [Delivery.FAILED] * len(records)
        futures = [await self._send(record) for record in records]
        waiting = [future for future in futures if isinstance(future, asyncio.Future)]
        if waiting:
            await asyncio.wait(waiting, timeout=self._delivery_seconds)
        deliveries = [_delivery(future) for future in futures]
        self._healthy = Delivery.FAILED not in deliveries
        if not self._healthy:
            await self.close()
        return deliveries

    async def close(self) -> None:
        """Let the client go; the next `send_all` builds a new one."""
        client, self._client = self._client, None
        if client is not None:
            await close_within(CLOSE_SECONDS, client.stop(), what="the producer")

    async def _ready(self) -> bool:
        if self._client is not None:
            return True
        client = self._build(
            **client_options(self._settings),
            acks="all",
            enable_idempotence=self._settings.kafka_idempotence,
            max_request_size=_REQUEST_BYTES_MAX,
            linger_ms=0,
        )
        # From here on `close` reaches it, also when this start is cancelled.
        self._client = client
        try:
            async with asyncio.timeout(self._delivery_seconds):
                await client.start()
        except (KafkaError, OSError, TimeoutError) as error:
            self._healthy = False
            _LOG.warning(
                "the broker is not there, events stay in the outbox",
                extra={"error": type(error).__name__},
            )
            await self.close()
            return False
        return True

    async def _send(self, record: Outgoing) -> asyncio.Future[Any] | Delivery:
        """Hand a record to the client; an answer that is there at once is returned as such."""
        try:
            async with asyncio.timeout(self._delivery_seconds):
                future: asyncio.Future[Any] = await self._client.send(
                    record.topic, key=record.key, value=record.value, headers=record.headers
                )
                return future
        except _TOO_LARGE:
            return Delivery.TOO_LARGE
        except (KafkaError, OSError, TimeoutError, AssertionError) as error:
            # aiokafka asserts that its sender is alive and that a null value has a key.
            _LOG.warning("a record was not taken", extra={"error": type(error).__name__})
            return Delivery.FAILED


def _delivery(future: asyncio.Future[Any] | Delivery) -> Delivery:
    if isinstance(future, Delivery):
        return future
    if not future.done():
        # Left as it is: the client is closed next, which cancels or fails it.
        future.add_done_callback(_retrieve)
        return Delivery.FAILED
    error = None if future.cancelled() else future.exception()
    if error is None and not future.cancelled():
        return Delivery.OK
    if isinstance(error, _TOO_LARGE):
        return Delivery.TOO_LARGE
    _LOG.warning("a record was not acknowledged", extra={"error": type(error).__name__})
    return Delivery.FAILED


def _retrieve(future: asyncio.Future[Any]) -> None:
    if not future.cancelled():
        future.exception()
