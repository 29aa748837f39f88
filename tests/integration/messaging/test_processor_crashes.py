"""The processor under failures, crashes and company: no effect lost, doubled or half done."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.contracts.debident.v1 import OrderSent
from shared.db import Database
from shared.kernel.context import current_work
from shared.kernel.errors import PermanentError, TransientError
from shared.messaging import outbox
from shared.messaging.events import Subscription
from shared.messaging.processor import Processor
from shared.messaging.verdicts import Policy
from shared.testing import FrozenClock
from tests.integration.messaging.helpers import PRACTICE, a_record, an_order_sent, rows
from tests.integration.messaging.processor_bench import Bench, Event, fails_for
from tests.support.waiting import eventually


@pytest.fixture
def bench(database: Database) -> Bench:
    return Bench(database)


async def test_a_failed_event_leaves_nothing_of_its_effect(bench: Bench) -> None:
    good, bad = an_order_sent(), an_order_sent()
    bench.before = fails_for(bad.order_id, PermanentError("after its insert"))
    await bench.receive(a_record(bad), a_record(good, offset=1))
    await bench.processor.drain()
    assert await bench.effects() == [(good.order_id, 1)]


async def test_a_commit_that_fails_is_charged_to_the_event_that_caused_it(bench: Bench) -> None:
    """The effect's unique constraint is deferred, so it speaks at the commit only."""
    bad, good = an_order_sent(), an_order_sent()
    await rows(
        bench.database,
        "INSERT INTO effect (subject, sequence) VALUES (:s, 1)",
        s=bad.order_id,
    )
    await bench.receive(a_record(bad), a_record(good, offset=1))
    for _ in range(8):
        await bench.processor.drain()
        bench.pass_seconds(600)
    assert (good.order_id, 1) in await bench.effects()
    letters = await rows(bench.database, "SELECT reason, detail FROM dead_letter")
    assert letters == [("unexpected-too-often", "IntegrityError")]


async def test_the_handler_works_in_the_practices_scope_and_context(bench: Bench) -> None:
    payload = an_order_sent()
    record = a_record(payload, headers={"ce_traceparent": b"00-1-2-01"})
    seen: list[object] = []

    async def look(event: Event, connection: AsyncConnection) -> None:
        seen.append(current_work())
        scope = await connection.execute(
            text(
                "SELECT current_setting('quittance.system'), current_setting('quittance.practices')"
            )
        )
        seen.append(tuple(scope.one()))
        await outbox.append(connection, [an_order_sent()], occurred_at=bench.clock.now())

    processor = Processor(
        database=bench.database, subscriptions=[Subscription(OrderSent, look)], clock=bench.clock
    )
    await bench.receive(record)
    await processor.drain()
    work, scope = seen
    event_id = record.headers["ce_id"].decode()
    assert (work.correlation_id, work.causation_id, work.traceparent) == (  # type: ignore[attr-defined]
        "correlation-1",
        event_id,
        "00-1-2-01",
    )
    assert scope == ("off", "{" + str(PRACTICE) + "}")
    sent = await rows(bench.database, "SELECT correlation_id, causation_id FROM outbox")
    assert sent == [("correlation-1", event_id)]
    assert current_work() is None


async def test_two_processors_at_once_work_each_event_once_and_in_order(bench: Bench) -> None:
    payloads = [an_order_sent() for _ in range(30)]
    records = [
        a_record(payload, sequence, offset=sequence * 100 + number)
        for sequence in (3, 1, 2)
        for number, payload in enumerate(payloads)
    ]
    await bench.receive(*records)
    small = Policy(aggregates_max=4, events_max=8)
    several = [bench.another_processor(small) for _ in range(3)]
    await asyncio.gather(*(processor.drain() for processor in several))
    await bench.processor.drain()
    effects = await bench.effects()
    assert len(effects) == 90
    for payload in payloads:
        assert [n for subject, n in effects if subject == payload.order_id] == [1, 2, 3]
    assert await rows(bench.database, "SELECT DISTINCT status FROM inbox") == [("done",)]


async def test_a_database_that_goes_away_in_a_handler_costs_no_try(bench: Bench) -> None:
    payload = an_order_sent()
    await bench.receive(a_record(payload))

    async def cut(event: Event, connection: AsyncConnection) -> None:
        await connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))

    processor = Processor(
        database=bench.database, subscriptions=[Subscription(OrderSent, cut)], clock=bench.clock
    )
    with pytest.raises(TransientError):
        await processor.step()
    assert await rows(bench.database, "SELECT status, tries FROM inbox") == [("pending", 0)]
    await bench.processor.drain()
    assert await bench.effects() == [(payload.order_id, 1)]


@pytest.mark.parametrize("notices", [True, False])
async def test_an_event_that_loses_its_own_connection_holds_up_no_other_and_ends_as_a_dead_letter(
    bench: Bench, *, notices: bool
) -> None:
    bad, good = an_order_sent(), [an_order_sent() for _ in range(5)]

    async def idle_too_long(event: Event, connection: AsyncConnection) -> None:
        await connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = '50ms'"))
        if event.subject == bad.order_id:
            await _until_gone(bench.database, await _backend(connection))
        if notices or event.subject != bad.order_id:
            await bench.handle(event, connection)

    processor = Processor(
        database=bench.database,
        subscriptions=[Subscription(OrderSent, idle_too_long)],
        clock=bench.clock,
    )
    records = [a_record(payload, offset=n) for n, payload in enumerate([bad, *good])]
    await bench.receive(*records, a_record(bad, 2, offset=9))
    for _ in range(30):
        with contextlib.suppress(TransientError):
            await processor.drain()
        bench.pass_seconds(60)
    assert {subject for subject, _ in await bench.effects()} == {p.order_id for p in good}
    letters = await rows(bench.database, "SELECT reason, kafka_offset FROM dead_letter")
    assert letters == [("connection-lost-too-often", 0)]
    found = await rows(bench.database, "SELECT status, tries FROM inbox WHERE sequence = 2")
    assert found == [("waiting", 0)]


async def test_after_a_lost_connection_the_rounds_become_large_again(bench: Bench) -> None:
    payloads = [an_order_sent() for _ in range(6)]
    cuts = [1]

    async def cut_once(event: Event, connection: AsyncConnection) -> None:
        if cuts[0]:
            cuts[0] -= 1
            await connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
        await bench.handle(event, connection)

    processor = Processor(
        database=bench.database,
        subscriptions=[Subscription(OrderSent, cut_once)],
        clock=bench.clock,
    )
    await bench.receive(*(a_record(payload, offset=n) for n, payload in enumerate(payloads)))
    with pytest.raises(TransientError):
        await processor.step()
    assert [await processor.step() for _ in range(7)] == [1, 1, 1, 1, 1, 1, 0]
    assert await rows(bench.database, "SELECT DISTINCT status, tries FROM inbox") == [("done", 0)]
    await bench.receive(*(a_record(an_order_sent(), offset=n) for n in range(10, 15)))
    assert await processor.step() == 5


async def test_a_long_queue_behind_a_dead_letter_does_not_keep_the_processor_busy(
    bench: Bench,
) -> None:
    payload = an_order_sent()
    await bench.receive(*(a_record(payload, n, offset=n) for n in range(2, 60)))
    steps = await bench.processor.drain(steps_max=3)
    assert steps == 1
    await bench.receive(a_record(payload, 1))
    await bench.processor.drain()
    assert [n for _, n in await bench.effects()] == list(range(1, 60))


def test_two_handlers_for_one_contract_are_refused(database: Database) -> None:
    async def handle(event: Event, connection: AsyncConnection) -> None:
        raise AssertionError

    twice = [Subscription(OrderSent, handle), Subscription(OrderSent, handle)]
    with pytest.raises(ValueError, match="two subscriptions"):
        Processor(database=database, subscriptions=twice, clock=FrozenClock())


async def _backend(connection: AsyncConnection) -> int:
    return int((await connection.execute(text("SELECT pg_backend_pid()"))).scalar_one())


async def _until_gone(database: Database, backend: int) -> None:
    """Idle, as a handler does that waits for something else, until the server ends the session."""

    async def gone() -> bool:
        found = "SELECT 1 FROM pg_stat_activity WHERE pid = :pid"
        return not await rows(database, found, pid=backend)

    await eventually(gone, because="the server ended the idle session")
