"""What every adapter does alike: raw records from Kafka's, and patience with the sink."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Iterable, Sequence

from aiokafka.structs import ConsumerRecord

from shared.kernel.errors import TransientError
from shared.messaging.events import RawRecord
from shared.messaging.source import RecordSink
from shared.messaging.topics import pause

_LOG = logging.getLogger(__name__)
RETRY_SECONDS = (0.1, 5.0)
BATCH = 200


async def deliver(sink: RecordSink, records: Sequence[RawRecord], *, stop: asyncio.Event) -> bool:
    """Hand a batch to the sink, again and again while that raises TransientError.

    Returns:
        Whether the sink took it; False: `stop` was set first, so nothing may be acknowledged.

    Raises:
        Exception: whatever else the sink raises.
    """
    delay = RETRY_SECONDS[0]
    while True:
        try:
            await sink(records)
            return True
        except TransientError:
            _LOG.warning(
                "the inbox did not take a batch, trying again",
                extra={"records": len(records), "retry_in_seconds": round(delay, 1)},
            )
        await pause(stop, delay * random.uniform(0.8, 1.2))  # noqa: S311 - jitter
        if stop.is_set():
            return False
        delay = min(delay * 2, RETRY_SECONDS[1])


def header_dict(headers: Iterable[tuple[str, bytes | None]]) -> dict[str, bytes]:
    """Return headers by name: the last of repeated names counts, a null value counts as none."""
    return {name: value for name, value in headers if value is not None}


def raw_record(record: ConsumerRecord) -> RawRecord:
    """Return aiokafka's record as ours."""
    return RawRecord(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        key=record.key,
        value=record.value,
        headers=header_dict(record.headers),
    )
