"""Topics are made as agreed; gauges tell what is open; a process runs the parts of its roles."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest

from shared.contracts.topics import topics_consumed_by
from shared.db import Database, Scope
from shared.kernel.clock import SystemClock
from shared.kernel.errors import PermanentError, TransientError
from shared.messaging import inbox, metrics, outbox
from shared.messaging.events import RawRecord
from shared.messaging.parts import Messaging, messaging_parts
from shared.messaging.topics import (
    WantedTopic,
    ensure_topics,
    partition_counts,
    topics_of,
    wait_for_topics,
)
from shared.runtime.parts import run_parts
from shared.runtime.settings import ServiceSettings
from shared.testing import FrozenClock
from tests.integration.messaging.helpers import NOW, a_record, an_order_sent, rows, settings_for
from tests.support.waiting import eventually


async def test_missing_topics_are_made_and_making_them_again_is_harmless(
    settings: ServiceSettings, fresh_topic: Callable[[str], str]
) -> None:
    wanted = [WantedTopic(fresh_topic("a"), 3, -1), WantedTopic(fresh_topic("b"), 1, 1000)]
    stop = asyncio.Event()
    await asyncio.gather(*(wait_for_topics(settings, wanted, stop=stop) for _ in range(3)))
    await ensure_topics(settings, wanted)
    counts = await partition_counts(settings)
    assert [counts[topic.name] for topic in wanted] == [3, 1]


async def test_a_topic_with_other_partitions_is_refused(
    settings: ServiceSettings, fresh_topic: Callable[[str], str]
) -> None:
    name = fresh_topic("a")
    await wait_for_topics(settings, [WantedTopic(name, 2, -1)], stop=asyncio.Event())
    with pytest.raises(PermanentError, match=f"topic {name} has 2 partitions, but 3"):
        await ensure_topics(settings, [WantedTopic(name, 3, -1)])


async def test_a_broker_that_is_away_is_waited_for_until_the_stop(
    caplog: pytest.LogCaptureFixture,
) -> None:
    settings = settings_for("127.0.0.1:1")
    with pytest.raises(TransientError):
        await ensure_topics(settings, [])
    stop = asyncio.Event()
    waiting = asyncio.create_task(wait_for_topics(settings, [], stop=stop))
    await eventually(lambda: "is not there yet" in caplog.text)
    stop.set()
    await waiting


def test_a_service_needs_what_it_writes_reads_and_buries() -> None:
    names = [topic.name for topic in topics_of("orders")]
    assert len(names) == len(set(names))
    for topic in topics_consumed_by("orders"):
        assert topic.name in names
        assert f"{topic.name}-orders-dlq" in names


async def test_the_gauges_of_an_idle_service_are_zero(database: Database) -> None:
    found = await metrics.gauges(database, now=NOW)
    assert found == dict.fromkeys(metrics.NAMES, 0.0)
    assert set(found) == {
        "outbox_unpublished",
        "outbox_oldest_age_seconds",
        "inbox_open",
        "inbox_waiting",
        "inbox_oldest_age_seconds",
        "dead_letters",
        "audit_found_missing",
    }


async def test_the_gauges_count_what_is_open_and_how_old_it_is(database: Database) -> None:
    garbage = RawRecord("t", 0, 9, None, b"x", {})
    async with database.transaction(Scope.everything()) as connection:
        await outbox.append(connection, [an_order_sent(), an_order_sent()], occurred_at=NOW)
        await inbox.store(connection, [a_record(), garbage], now=NOW, via="ingest")
        await inbox.store(connection, [a_record(offset=1)], now=NOW, via="auditor")
    await rows(database, "UPDATE inbox SET status = 'waiting' WHERE via = 'auditor'")
    clock = FrozenClock(NOW + timedelta(seconds=90))
    found = await metrics.messaging_gauges(database, clock)()
    assert found == {
        "outbox_unpublished": 2,
        "outbox_oldest_age_seconds": 90,
        "inbox_open": 2,
        "inbox_waiting": 1,
        "inbox_oldest_age_seconds": 90,
        "dead_letters": 1,
        "audit_found_missing": 1,
    }


@pytest.mark.parametrize(
    ("roles", "names"),
    [
        ("api", []),
        ("relay", ["relay"]),
        ("ingest,processor", ["ingest", "processor"]),
        ("api,relay,ingest,processor,timers,auditor", ["relay", "ingest", "processor", "auditor"]),
    ],
)
async def test_a_process_runs_the_parts_of_its_roles(
    database: Database, roles: str, names: list[str]
) -> None:
    parts = messaging_parts(
        service="orders",
        settings=settings_for(roles=roles),
        database=database,
        subscriptions=[],
        clock=SystemClock(),
    )
    assert [part.name for part in parts] == names


async def test_a_whole_process_becomes_ready_and_stops_cleanly(
    database: Database, settings: ServiceSettings
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

    async def ready() -> bool:
        assert not process.done()
        return all(bool(check()) for check in messaging.readiness().values())

    await eventually(ready, within_seconds=40, because="all parts are ready")
    assert set(messaging.readiness()) == {"topics", "relay", "ingest"}
    async with database.transaction(Scope.everything()) as connection:
        await outbox.append(connection, [an_order_sent(uuid4())], occurred_at=NOW)

    async def came_round() -> bool:
        return await rows(database, "SELECT status FROM inbox") == [("skipped",)]

    await eventually(came_round, because="the service read its own event and passed it over")
    stop.set()
    assert await process == 0
