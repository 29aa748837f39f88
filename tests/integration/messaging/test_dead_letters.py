"""Dead letters: list, replay within bounds, drop in a person's name; and the same by command."""

from __future__ import annotations

from uuid import uuid4

import pytest

from sandbox.postgres import ServiceUrls
from shared.db import Database, Scope
from shared.kernel.errors import NotFoundError
from shared.messaging import dead_letters, inbox
from shared.messaging.dead_letter_commands import main
from shared.messaging.dead_letters import DeadLetter
from shared.messaging.events import RawRecord
from shared.messaging.processor import Processor
from shared.testing import FrozenClock
from tests.integration.messaging.helpers import NOW, a_record, an_order_sent, rows
from tests.integration.messaging.processor_bench import Bench

CLOCK = FrozenClock(NOW)


async def _receive_poison(database: Database, count: int) -> None:
    """Store records that do not decode, of as many aggregates, and let them die."""
    records = [
        a_record(an_order_sent(), offset=n, headers={"ce_time": b"never"}) for n in range(count)
    ]
    async with database.transaction(Scope.everything()) as connection:
        await inbox.store(connection, records, now=NOW, via="ingest")
    await _work(database)


async def _work(database: Database) -> None:
    from shared.contracts.debident.v1 import OrderSent
    from shared.messaging.events import Subscription

    async def handle(*_: object) -> None:
        raise AssertionError("nothing here decodes")

    subscriptions = [Subscription(OrderSent, handle)]
    await Processor(database=database, subscriptions=subscriptions, clock=CLOCK).drain()


async def _open(database: Database, **which: str) -> list[DeadLetter]:
    async with database.transaction(Scope.everything()) as connection:
        return await dead_letters.list_open(connection, **which)  # type: ignore[arg-type]


async def test_open_letters_are_listed_oldest_first_with_where_and_why(
    database: Database,
) -> None:
    await _receive_poison(database, 2)
    first, second = await _open(database)
    assert (first.topic, first.partition, first.offset) == ("order-events", 0, 0)
    assert (first.reason, first.detail) == ("contract", "time: not a timestamp")
    assert (first.source, first.type, first.sequence) == ("debident-gateway", "order-sent", 1)
    assert second.offset == 1
    assert len(await _open(database, reason="contract")) == 2
    assert await _open(database, reason="permanent") == []


async def test_a_replay_takes_no_more_than_its_maximum_and_the_oldest_first(
    database: Database,
) -> None:
    await _receive_poison(database, 3)
    oldest = (await _open(database))[0]
    async with database.transaction(Scope.everything()) as connection:
        replayed = await dead_letters.replay(connection, now=NOW, maximum=1)
    assert replayed == [oldest.event_id]
    assert len(await _open(database)) == 2
    revived = await rows(database, "SELECT status, tries, via FROM inbox WHERE via = 'replay'")
    assert revived == [("pending", 0, "replay")]


async def test_a_letter_that_dies_again_is_open_again_and_copied_again(
    database: Database,
) -> None:
    await _receive_poison(database, 1)
    await rows(database, "UPDATE dead_letter SET copied_at = now()")
    [letter] = await _open(database)
    async with database.transaction(Scope.everything()) as connection:
        await dead_letters.replay(connection, now=NOW, maximum=5, event_id=letter.event_id)
    await _work(database)
    [again] = await _open(database)
    assert again.event_id == letter.event_id
    assert again.replayed_at == NOW
    assert await rows(database, "SELECT copied_at FROM dead_letter") == [(None,)]


async def test_a_letter_without_a_place_in_any_order_is_not_replayed(database: Database) -> None:
    garbage = RawRecord("order-events", 0, 0, None, b"x", {})
    async with database.transaction(Scope.everything()) as connection:
        await inbox.store(connection, [garbage], now=NOW, via="ingest")
        assert await dead_letters.replay(connection, now=NOW, maximum=5) == []
    [letter] = await _open(database)
    async with database.transaction(Scope.everything()) as connection:
        await dead_letters.drop(
            connection, letter.event_id, person="R. Muster", why="no event of ours", now=NOW
        )
    assert await _open(database) == []
    assert len(await rows(database, "SELECT 1 FROM dead_letter")) == 1, "the evidence stays"


async def test_dropping_a_letter_that_had_no_place_in_the_order_takes_no_number(
    database: Database,
) -> None:
    payload = an_order_sent()
    bench = Bench(database)
    await bench.receive(
        a_record(payload),
        a_record(payload, 2, topic="invoice-events", headers={"ce_id": str(uuid4()).encode()}),
    )
    await bench.processor.drain()
    [letter] = await _open(database)
    assert letter.reason == "foreign-source"
    async with database.transaction(Scope.everything()) as connection:
        await dead_letters.drop(connection, letter.event_id, person="R. Muster", why="x", now=NOW)
    await bench.receive(a_record(payload, 2, offset=1))
    await bench.processor.drain()
    assert [sequence for _, sequence in await bench.effects()] == [1, 2]


@pytest.mark.parametrize(("person", "why"), [("", "because"), ("R. Muster", " ")])
async def test_a_drop_needs_a_name_and_a_reason(database: Database, person: str, why: str) -> None:
    async with database.transaction(Scope.everything()) as connection:
        with pytest.raises(ValueError, match="a person's name and a reason"):
            await dead_letters.drop(connection, uuid4(), person=person, why=why, now=NOW)


async def test_what_is_not_dead_cannot_be_dropped(database: Database) -> None:
    record = a_record()
    async with database.transaction(Scope.everything()) as connection:
        await inbox.store(connection, [record], now=NOW, via="ingest")
        with pytest.raises(NotFoundError):
            await dead_letters.drop(
                connection, inbox.identity(record), person="R. Muster", why="no", now=NOW
            )
    assert await rows(database, "SELECT status FROM inbox") == [("pending",)]


async def test_the_commands_list_replay_and_drop(
    database: Database,
    urls: ServiceUrls,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    await _receive_poison(database, 2)
    monkeypatch.setenv("ORDERS_DATABASE_URL", urls.url)
    base = ["--database-url-env", "ORDERS_DATABASE_URL"]

    async def command(*words: str) -> tuple[int, str]:
        async def work() -> int:
            import asyncio

            return await asyncio.to_thread(main, [*base, *words])

        status = await work()
        captured = capsys.readouterr()
        return status, captured.out + captured.err

    status, listed = await command("list")
    assert status == 0
    assert listed.count("contract: time: not a timestamp") == 2
    assert "order-events/0@1" in listed
    assert await command("replay", "--reason", "contract", "--max", "1") == (0, "1 replayed\n")
    [letter] = await _open(database)
    dropped = await command(
        "drop", "--event-id", str(letter.event_id), "--person", "R. Muster", "--why", "test"
    )
    assert dropped == (0, "1 dropped\n")
    status, words = await command(
        "drop", "--event-id", str(letter.event_id), "--person", "R. Muster", "--why", "test"
    )
    assert (status, words) == (1, "no open dead letter has this id\n")


def test_a_command_without_its_variable_says_which(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--database-url-env", "NOT_SET_ANYWHERE", "list"]) == 2
    assert "NOT_SET_ANYWHERE" in capsys.readouterr().err
