"""The processor: each event once, in order per aggregate, whatever goes wrong in between."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest

from shared.db import Database, Scope
from shared.kernel.errors import ConflictError, PermanentError, TooEarlyError, TransientError
from shared.messaging import dead_letters
from tests.integration.messaging.helpers import PRACTICE, a_record, an_order_sent, rows
from tests.integration.messaging.processor_bench import Bench, Event, fails_for


@pytest.fixture
def bench(database: Database) -> Bench:
    return Bench(database)


async def test_an_event_takes_effect_and_is_done(bench: Bench) -> None:
    payload = an_order_sent()
    await bench.receive(a_record(payload))
    await bench.processor.drain()
    assert await bench.effects() == [(payload.order_id, 1)]
    assert await bench.statuses() == [(1, "done")]
    cursors = await rows(bench.database, "SELECT source, subject, last_sequence FROM inbox_cursor")
    assert cursors == [("debident-gateway", str(payload.order_id), 1)]


async def test_an_event_received_twice_takes_effect_once(bench: Bench) -> None:
    record = a_record()
    await bench.receive(record)
    await bench.processor.drain()
    await bench.receive(record)
    await bench.processor.drain()
    assert len(await bench.effects()) == 1
    assert await rows(bench.database, "SELECT deliveries, status FROM inbox") == [(2, "done")]


async def test_another_event_with_a_number_worked_before_is_a_dead_letter_and_holds_nothing_back(
    bench: Bench,
) -> None:
    payload = an_order_sent()
    await bench.receive(a_record(payload))
    await bench.processor.drain()
    await bench.receive(
        a_record(payload, offset=1, headers={"ce_id": str(uuid4()).encode()}),
        a_record(payload, 2, offset=2),
    )
    await bench.processor.drain()
    assert [sequence for _, sequence in await bench.effects()] == [1, 2]
    assert sorted(await bench.statuses()) == [(1, "dead"), (1, "done"), (2, "done")]
    letters = await rows(bench.database, "SELECT reason, kafka_offset FROM dead_letter")
    assert letters == [("conflicting-sequence", 1)]


async def test_an_event_of_a_producer_that_does_not_own_the_topic_takes_no_number(
    bench: Bench,
) -> None:
    payload = an_order_sent()
    await bench.receive(
        a_record(payload, headers={"ce_source": b"invoicing", "ce_id": str(uuid4()).encode()}),
        a_record(payload, offset=1),
    )
    await bench.processor.drain()
    assert await bench.effects() == [(payload.order_id, 1)]
    letters = await rows(bench.database, "SELECT reason, kafka_offset FROM dead_letter")
    assert letters == [("foreign-source", 0)]
    cursors = await rows(bench.database, "SELECT source, last_sequence FROM inbox_cursor")
    assert cursors == [("debident-gateway", 1)]


@pytest.mark.parametrize(
    "wrong",
    [
        {"ce_type": b"of-no-interest"},
        {"ce_type": b"order-arrived", "ce_dataschema": b"nonsense"},
        # A known type of another producer and topic, under the name of a producer of this topic.
        {"ce_type": b"order-prepared", "ce_dataschema": b"/schemas/order-prepared/v1"},
        {
            "ce_type": b"of-no-interest",
            "ce_dataschema": b"/schemas/of-no-interest/v1",
            "ce_time": b"",
        },
    ],
)
async def test_an_unsound_event_nobody_listens_to_does_not_take_the_number_of_the_genuine_one(
    bench: Bench, wrong: dict[str, bytes | None]
) -> None:
    payload = an_order_sent()
    await bench.receive(a_record(payload, headers={**wrong, "ce_id": str(uuid4()).encode()}))
    await bench.processor.drain()
    assert await rows(bench.database, "SELECT reason FROM dead_letter") == [("contract",)]
    assert await rows(bench.database, "SELECT 1 FROM inbox_cursor") == []
    await bench.receive(a_record(payload, offset=1))
    await bench.processor.drain()
    assert await bench.effects() == [(payload.order_id, 1)]


async def test_events_out_of_order_wait_and_are_worked_in_order(bench: Bench) -> None:
    payload = an_order_sent()
    await bench.receive(a_record(payload, 3), a_record(payload, 2, offset=1))
    await bench.processor.drain()
    assert await bench.effects() == []
    waiting = await rows(bench.database, "SELECT DISTINCT status, reason FROM inbox")
    assert waiting == [("waiting", "predecessor-missing")]
    await bench.receive(a_record(payload, 1, offset=2))
    await bench.processor.drain()
    assert [sequence for _, sequence in await bench.effects()] == [1, 2, 3]


async def test_an_event_nobody_listens_to_only_moves_the_cursor(bench: Bench) -> None:
    payload = an_order_sent()
    unheard = a_record(
        payload,
        1,
        headers={
            "ce_type": b"of-no-interest",
            "ce_dataschema": b"/schemas/of-no-interest/v1",
        },
    )
    await bench.receive(unheard, a_record(payload, 2, offset=1))
    await bench.processor.drain()
    assert await bench.effects() == [(payload.order_id, 2)]
    assert await bench.statuses() == [(1, "skipped"), (2, "done")]


async def test_an_event_that_is_too_early_waits_and_is_woken_by_what_it_needs(
    bench: Bench,
) -> None:
    early, needed = an_order_sent(), an_order_sent()

    def needs_the_other(event: Event) -> None:
        if event.subject == early.order_id and (needed.order_id, 1) not in bench.calls:
            raise TooEarlyError("the order is not known yet", waits_for=str(needed.order_id))

    bench.before = needs_the_other
    await bench.receive(a_record(early))
    await bench.processor.drain()
    found = await rows(bench.database, "SELECT status, reason, waits_for, tries FROM inbox")
    assert found == [("waiting", "the order is not known yet", str(needed.order_id), 0)]
    assert await bench.effects() == []
    await bench.receive(a_record(needed, offset=1))
    await bench.processor.drain()
    assert await bench.effects() == [(needed.order_id, 1), (early.order_id, 1)]


async def test_an_event_that_was_not_woken_is_looked_at_again(bench: Bench) -> None:
    payload = an_order_sent()
    early = TooEarlyError("not yet", waits_for="something that never says so")
    bench.before = fails_for(payload.order_id, early, times=2)
    await bench.receive(a_record(payload))
    await bench.processor.drain()
    assert await bench.effects() == []
    bench.pass_seconds(1)
    await bench.processor.drain()
    assert await bench.effects() == [(payload.order_id, 1)]


async def test_a_passing_error_is_tried_again_after_a_growing_wait(bench: Bench) -> None:
    payload = an_order_sent()
    bench.before = fails_for(payload.order_id, TransientError("locked"), times=4)
    await bench.receive(a_record(payload), a_record(payload, 2, offset=1))
    await bench.processor.drain()
    failed = await rows(
        bench.database, "SELECT status, tries, reason, next_try_at FROM inbox WHERE sequence = 1"
    )
    assert tuple(failed[0])[:3] == ("pending", 1, "transient: locked")
    wait = (failed[0].next_try_at - bench.clock.now()).total_seconds()
    assert 0.25 <= wait <= 0.5
    assert await bench.effects() == []
    bench.pass_seconds(0.5)
    await bench.processor.drain()
    failed = await rows(bench.database, "SELECT tries, next_try_at FROM inbox WHERE sequence = 1")
    assert failed[0].tries == 2
    assert 0.5 <= (failed[0].next_try_at - bench.clock.now()).total_seconds() <= 1.0
    bench.pass_seconds(1)
    await bench.processor.drain()
    assert [sequence for _, sequence in await bench.effects()] == [1, 2]


@pytest.mark.parametrize(
    ("error", "reason", "detail"),
    [
        (PermanentError("no such thing"), "permanent", "no such thing"),
        (ConflictError("already so", code="order-in-flight"), "order-in-flight", "already so"),
    ],
)
async def test_poison_is_a_dead_letter_and_blocks_only_its_own_aggregate(
    bench: Bench, error: Exception, reason: str, detail: str
) -> None:
    poison, healthy = an_order_sent(), an_order_sent()
    bench.before = fails_for(poison.order_id, error)
    await bench.receive(
        a_record(poison, 1),
        a_record(poison, 2, offset=1),
        a_record(healthy, 1, offset=2),
        a_record(healthy, 2, offset=3),
    )
    await bench.processor.drain()
    assert await bench.effects() == [(healthy.order_id, 1), (healthy.order_id, 2)]
    letters = await rows(
        bench.database, "SELECT reason, detail, value, kafka_offset, practice_id FROM dead_letter"
    )
    assert letters == [(reason, detail, a_record(poison).value, 0, PRACTICE)]
    blocked = await rows(
        bench.database,
        "SELECT sequence, status FROM inbox WHERE subject = :s ORDER BY sequence",
        s=str(poison.order_id),
    )
    assert blocked == [(1, "dead"), (2, "waiting")]


async def test_what_does_not_decode_is_a_dead_letter_that_quotes_nothing(bench: Bench) -> None:
    record = a_record(value=b'{"attempt": "Muster-Patient-7f3a"}')
    await bench.receive(record)
    await bench.processor.drain()
    letters = await rows(bench.database, "SELECT reason, detail FROM dead_letter")
    assert letters[0].reason == "contract"
    assert "attempt: int_parsing" in letters[0].detail
    assert "Muster" not in letters[0].detail
    assert bench.calls == []


async def test_a_bug_is_tried_a_few_times_and_then_a_dead_letter(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    payload = an_order_sent()
    bench.before = fails_for(payload.order_id, KeyError("Muster-Patient-7f3a"))
    await bench.receive(a_record(payload))
    for _ in range(10):
        await bench.processor.drain()
        bench.pass_seconds(600)
    letters = await rows(bench.database, "SELECT reason, detail FROM dead_letter")
    assert letters == [("unexpected-too-often", "KeyError")]
    assert await rows(bench.database, "SELECT tries FROM inbox") == [(5,)]
    assert "failed unexpectedly" in caplog.text
    assert "Muster-Patient-7f3a" not in caplog.text
    assert all("Muster-Patient-7f3a" not in str(vars(each)) for each in caplog.records)


async def test_a_passing_error_that_never_passes_ends_as_a_dead_letter(bench: Bench) -> None:
    payload = an_order_sent()
    bench.before = fails_for(payload.order_id, TransientError("always"))
    await bench.receive(a_record(payload))
    for _ in range(25):
        await bench.processor.drain()
        bench.pass_seconds(600)
    letters = await rows(bench.database, "SELECT reason, detail FROM dead_letter")
    assert letters == [("transient-too-often", "always")]


async def test_a_dead_letter_replayed_after_the_fix_lets_its_followers_go(bench: Bench) -> None:
    payload = an_order_sent()
    bench.before = fails_for(payload.order_id, PermanentError("broken"), times=2)
    await bench.receive(a_record(payload, 1), a_record(payload, 2, offset=1))
    await bench.processor.drain()
    assert await bench.effects() == []
    async with bench.database.transaction(Scope.everything()) as connection:
        replayed = await dead_letters.replay(connection, now=bench.clock.now(), maximum=10)
    assert len(replayed) == 1
    await bench.processor.drain()
    assert [sequence for _, sequence in await bench.effects()] == [1, 2]
    async with bench.database.transaction(Scope.everything()) as connection:
        assert await dead_letters.list_open(connection) == []


async def test_a_dead_letter_dropped_by_a_person_lets_its_followers_go(bench: Bench) -> None:
    payload = an_order_sent()
    poison = a_record(payload, 1, value=b"{}")
    await bench.receive(poison, a_record(payload, 2, offset=1))
    await bench.processor.drain()
    async with bench.database.transaction(Scope.everything()) as connection:
        [letter] = await dead_letters.list_open(connection)
        await dead_letters.drop(
            connection, letter.event_id, person="R. Muster", why="a test", now=bench.clock.now()
        )
    await bench.processor.drain()
    assert await bench.effects() == [(payload.order_id, 2)]
    found = await rows(bench.database, "SELECT status, reason FROM inbox WHERE sequence = 1")
    assert found == [("skipped", "dropped by R. Muster: a test")]


async def test_a_crash_at_any_event_of_a_batch_changes_nothing_in_the_end(bench: Bench) -> None:
    """Cancellation tears the processor down at that very place, as a kill would."""
    payloads = [an_order_sent() for _ in range(4)]
    await bench.receive(
        *(a_record(p, s, offset=s * 10 + n) for s in (1, 2) for n, p in enumerate(payloads))
    )
    for place in range(8):
        count = [0]

        def die_at(event: Event, place: int = place, count: list[int] = count) -> None:
            if count[0] == place:
                raise asyncio.CancelledError
            count[0] += 1

        bench.before = die_at
        with pytest.raises(asyncio.CancelledError):
            await bench.processor.step()
        assert await bench.effects() == []
        assert {status for _, status in await bench.statuses()} == {"pending"}
    bench.before = lambda event: None
    await bench.processor.drain()
    assert len(await bench.effects()) == 8
