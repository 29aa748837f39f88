"""Asks a broker whether it is ready the way a client does: by its metadata, not by its log."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError

from sandbox.blocking import run_blocking
from sandbox.ports import answers

_POLL_SECONDS = 0.1
_TRY_SECONDS = 5


def is_ready(bootstrap: str) -> bool:
    """Whether a Kafka client gets metadata that name at least one broker.

    Args:
        bootstrap: "host:port".
    """
    host, _, port = bootstrap.rpartition(":")
    return answers(host, int(port)) and run_blocking(_has_metadata(bootstrap))


def wait_until_ready(
    bootstrap: str, *, within_seconds: float, still_running: Callable[[], bool] = lambda: True
) -> bool:
    """Wait for `is_ready`; return whether it came true in time and before the server ended."""
    deadline = time.monotonic() + within_seconds
    while still_running():
        if is_ready(bootstrap):
            return True
        if time.monotonic() >= deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return False


async def _has_metadata(bootstrap: str) -> bool:
    client = AIOKafkaClient(bootstrap_servers=bootstrap, request_timeout_ms=_TRY_SECONDS * 1000)
    try:
        async with asyncio.timeout(_TRY_SECONDS):
            await client.bootstrap()
            return bool(client.cluster.brokers())
    except (KafkaError, OSError, TimeoutError):
        # A server that is still starting refuses or hangs up; the caller asks again.
        return False
    finally:
        await client.close()
