"""The port through which records reach the inbox; Faust, plain aiokafka and a simulation fit it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from shared.messaging.events import RawRecord

RecordSink = Callable[[Sequence[RawRecord]], Awaitable[None]]
"""Stores a batch durably before it returns. Raising means: not stored, acknowledge nothing."""


class EventSource(Protocol):
    """Feeds every record of some topics, at least once and in partition order, into a sink.

    A record is acknowledged only after the sink has returned. When the sink raises anything but
    TransientError (which is retried in place), `run` raises: the process ends, and the next start
    reads again from the last acknowledged record. Nothing is ever skipped.
    """

    async def run(self, sink: RecordSink, *, stop: asyncio.Event) -> None:
        """Feed the sink until `stop` is set, then return with everything acknowledged or unread."""

    def is_ready(self) -> bool:
        """Whether the source is connected and has its partitions."""
