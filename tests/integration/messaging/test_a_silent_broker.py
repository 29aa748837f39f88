"""A broker that accepts connections and never answers: it is said, and a stop ends in time."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import pytest

from shared.db import Database
from shared.kernel.clock import SystemClock
from shared.kernel.errors import TransientError
from shared.messaging import outbox, stopping
from shared.messaging.auditor import Auditor
from shared.messaging.parts import Messaging, build_source
from shared.messaging.producer import Producer
from shared.messaging.relay import Relay
from shared.messaging.topics import CONNECT_SECONDS, ensure_topics
from shared.runtime.parts import GRACE_SECONDS, Part, run_parts
from shared.runtime.settings import ServiceSettings
from tests.integration.messaging.helpers import NOW, an_order_sent, settings_for
from tests.support.silent import silent_server
from tests.support.waiting import eventually


@pytest.fixture
async def settings() -> AsyncIterator[ServiceSettings]:
    """Settings that name a silent broker."""
    async with silent_server() as address:
        yield settings_for(address)


async def _store(records: object) -> None:
    raise AssertionError("a silent broker brings no records")


async def _stop_after(parts: list[Part], seconds: float) -> tuple[int, float]:
    """Run parts so long, stop them; return the exit status and how long the stop took."""
    stop = asyncio.Event()
    process = asyncio.create_task(run_parts(parts, stop=stop))
    done, _ = await asyncio.wait({process}, timeout=seconds)
    assert not done, "no part ends before it is asked to"
    began = time.monotonic()
    stop.set()
    return await process, time.monotonic() - began


async def test_a_silent_broker_is_transient_within_seconds(settings: ServiceSettings) -> None:
    began = time.monotonic()
    with pytest.raises(TransientError, match="did not answer"):
        await ensure_topics(settings, [])
    assert time.monotonic() - began < CONNECT_SECONDS + 3


async def test_a_process_that_waits_for_its_broker_says_so_and_stops_cleanly(
    database: Database, settings: ServiceSettings, caplog: pytest.LogCaptureFixture
) -> None:
    messaging = Messaging(
        service="orders",
        settings=settings,
        database=database,
        subscriptions=[],
        clock=SystemClock(),
    )
    stop = asyncio.Event()
    process = asyncio.create_task(run_parts(messaging.parts(), stop=stop))
    await eventually(lambda: "is not there yet" in caplog.text, within_seconds=10)
    assert not process.done()
    began = time.monotonic()
    stop.set()
    assert await process == 0
    assert time.monotonic() - began < 2


@pytest.mark.parametrize("kind", ["faust", "aiokafka"])
async def test_a_source_that_waits_for_its_broker_stops_in_time(
    settings: ServiceSettings, kind: str
) -> None:
    source = build_source(
        ["t"], service="orders", settings=settings.model_copy(update={"event_source": kind})
    )

    async def run(stop: asyncio.Event) -> None:
        await source.run(_store, stop=stop)

    threads = set(threading.enumerate())
    status, seconds = await _stop_after([Part("ingest", run)], 1)
    assert (status, seconds < GRACE_SECONDS - 2) == (0, True)
    await eventually(
        lambda: not {t for t in threading.enumerate() if not t.daemon} - threads,
        within_seconds=3,
        because="no thread is left to keep the process alive",
    )


async def test_a_relay_with_work_in_hand_stops_in_time(
    database: Database, settings: ServiceSettings
) -> None:
    async with database.engine.begin() as connection:
        from shared.db import Scope
        from shared.db.engine import set_scope

        await set_scope(connection, Scope.everything())
        await outbox.append(connection, [an_order_sent()], occurred_at=NOW)
    relay = Relay(
        service="orders", database=database, producer=Producer(settings), clock=SystemClock()
    )
    status, seconds = await _stop_after([Part("relay", relay.run)], 1)
    assert (status, seconds < GRACE_SECONDS - 2) == (0, True)


async def test_an_auditor_that_waits_for_its_broker_stops_in_time(
    database: Database, settings: ServiceSettings
) -> None:
    auditor = Auditor(
        topics=["order-events"], settings=settings, database=database, clock=SystemClock()
    )
    status, seconds = await _stop_after([Part("auditor", auditor.run)], 1)
    assert (status, seconds < GRACE_SECONDS - 2) == (0, True)


def test_the_bounds_of_a_stop_leave_room_within_the_grace() -> None:
    assert stopping.FINISH_SECONDS + 2 * stopping.CLOSE_SECONDS < GRACE_SECONDS


async def _forever() -> None:
    await asyncio.Event().wait()


async def test_work_is_cut_off_only_after_the_time_to_finish() -> None:
    stop, finished = asyncio.Event(), asyncio.Event()
    stop.set()

    async def short() -> str:
        await asyncio.sleep(0)
        finished.set()
        return "done"

    assert await stopping.unless_stopped(short(), stop=stop, finish_seconds=5) == "done"
    assert finished.is_set()
    never: Coroutine[Any, Any, None] = _forever()
    assert await stopping.unless_stopped(never, stop=stop) is None


async def test_the_cancellation_of_who_waits_reaches_the_work() -> None:
    cut = asyncio.Event()

    async def work() -> None:
        try:
            await _forever()
        finally:
            cut.set()

    waiting = asyncio.create_task(stopping.unless_stopped(work(), stop=asyncio.Event()))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert cut.is_set()
