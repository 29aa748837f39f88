"""A service's dead letters are told through its outbox: that one is dead, and what was done."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from shared.contracts.dead_letters import NOBODYS, OrdersDeadLetterChanged
from shared.db import Database, Scope
from shared.messaging import dead_letters, inbox
from shared.messaging.dead_letter_copies import copy_dead_letters
from shared.messaging.events import RawRecord
from shared.messaging.producer import Delivery, Outgoing, Producer
from tests.integration.messaging.helpers import NOW, a_record, an_order_sent, rows, settings_for
from tests.integration.messaging.processor_bench import Bench


class TakesAll(Producer):
    """A broker that takes everything."""

    async def send_all(self, outgoing: Sequence[Outgoing]) -> list[Delivery]:
        return [Delivery.OK for _ in outgoing]


async def _die(database: Database, *records: RawRecord) -> list[UUID]:
    bench = Bench(database)
    await bench.receive(*records)
    await bench.processor.drain()
    async with database.transaction(Scope.everything()) as connection:
        return [one.event_id for one in await dead_letters.list_open(connection)]


async def _copy(database: Database, service: str = "orders") -> None:
    producer = TakesAll(settings_for("127.0.0.1:9"))
    async with database.engine.connect() as connection:
        await copy_dead_letters(connection, producer, service=service, now=NOW)


async def _replay(database: Database, event_id: UUID) -> None:
    async with database.transaction(Scope.everything()) as connection:
        await dead_letters.replay(
            connection, now=NOW, maximum=1, event_id=event_id, by="R. Muster", why="mended"
        )


async def _told(database: Database) -> list[OrdersDeadLetterChanged]:
    bodies = await rows(database, "SELECT body FROM outbox ORDER BY position")
    return [OrdersDeadLetterChanged.model_validate_json(body) for (body,) in bodies]


POISON = {"ce_time": b"never"}


async def test_a_letter_is_told_once_when_it_is_copied(database: Database) -> None:
    payload = an_order_sent()
    [event_id] = await _die(database, a_record(payload, headers=POISON))
    assert await _told(database) == []
    for _ in range(2):
        await _copy(database)
    [told] = await _told(database)
    assert (told.event_id, told.practice_id) == (event_id, payload.practice_id)
    assert (told.state, told.round, told.reason_code) == ("dead", 1, "contract")
    assert (told.event_type, told.event_source) == ("order-sent", "debident-gateway")


async def test_what_a_person_does_is_told_with_name_and_reason_and_a_new_death_is_a_new_round(
    database: Database,
) -> None:
    [event_id] = await _die(database, a_record(headers=POISON))
    await _copy(database)
    await _replay(database, event_id)
    await Bench(database).processor.drain()
    await _copy(database)
    async with database.transaction(Scope.everything()) as connection:
        await dead_letters.drop(connection, event_id, person="R. Muster", why="gone", now=NOW)
    told = await _told(database)
    assert [(one.state, one.round, one.by, one.why) for one in told] == [
        ("dead", 1, None, ""),
        ("replayed", 1, "R. Muster", "mended"),
        ("dead", 2, None, ""),
        ("dropped", 2, "R. Muster", "gone"),
    ]
    numbers = await rows(database, "SELECT sequence FROM outbox ORDER BY position")
    assert [number for (number,) in numbers] == [1, 2, 3, 4]


async def test_of_a_letter_that_was_never_told_nothing_else_is_told(database: Database) -> None:
    [event_id] = await _die(database, a_record(headers=POISON))
    await _replay(database, event_id)
    await _copy(database)
    assert await _told(database) == []


async def test_a_letter_that_nobody_can_read_is_told_as_nobodys(database: Database) -> None:
    garbage = RawRecord("order-events", 0, 0, None, b"x", {})
    async with database.transaction(Scope.everything()) as connection:
        await inbox.store(connection, [garbage], now=NOW, via="ingest")
    await _copy(database)
    [told] = await _told(database)
    assert (told.practice_id, told.reason_code) == (NOBODYS, "unreadable-headers")


async def test_the_service_that_has_the_queue_tells_nothing(database: Database) -> None:
    await _die(database, a_record(headers=POISON))
    await _copy(database, "reconciliation")
    assert await _told(database) == []
