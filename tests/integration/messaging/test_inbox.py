"""The intake keeps every record once, whatever its bytes are."""

from __future__ import annotations

import dataclasses

import pytest

from shared.db import Database, Scope
from shared.messaging import inbox
from shared.messaging.events import RawRecord
from shared.messaging.inbox import Stored
from tests.integration.messaging.helpers import NOW, PRACTICE, a_record, an_order_sent, rows


async def _store(database: Database, *records: RawRecord, via: inbox.Via = "ingest") -> Stored:
    async with database.transaction(Scope.everything()) as connection:
        return await inbox.store(connection, records, now=NOW, via=via)


async def test_a_batch_is_stored_with_its_bytes_and_the_next_offset(database: Database) -> None:
    records = [a_record(offset=offset) for offset in (5, 6)]
    assert await _store(database, *records) == Stored(new=2, repeats=0, conflicts=0)
    stored = await rows(database, "SELECT * FROM inbox ORDER BY position")
    assert [row.value for row in stored] == [record.value for record in records]
    assert [row.key for row in stored] == [record.key for record in records]
    assert [inbox.headers_from_json(row.headers) for row in stored] == [
        record.headers for record in records
    ]
    assert {(row.status, row.deliveries, row.via, row.sequence) for row in stored} == {
        ("pending", 1, "ingest", 1)
    }
    assert {row.practice_id for row in stored} == {PRACTICE}
    offsets = await rows(database, "SELECT reader, next_offset FROM topic_offset")
    assert offsets == [("ingest", 7)]


async def test_a_repeat_counts_a_delivery_and_changes_nothing_else(database: Database) -> None:
    record = a_record()
    await _store(database, record)
    again = dataclasses.replace(record, partition=1, offset=9)
    assert await _store(database, again, again) == Stored(new=0, repeats=2, conflicts=0)
    stored = await rows(database, "SELECT deliveries, kafka_offset, status FROM inbox")
    assert stored == [(3, 0, "pending")]
    assert await rows(database, "SELECT 1 FROM dead_letter") == []


async def test_a_repeat_within_one_batch_counts_too(database: Database) -> None:
    record = a_record()
    assert await _store(database, record, record) == Stored(new=1, repeats=1, conflicts=0)
    assert await rows(database, "SELECT deliveries FROM inbox") == [(2,)]


async def test_other_content_under_a_known_id_is_a_dead_letter_and_the_first_stays(
    database: Database,
) -> None:
    payload = an_order_sent()
    first = a_record(payload)
    other = a_record(payload, value=b'{"forged": true}', offset=1)
    await _store(database, first)
    assert await _store(database, other, other) == Stored(new=0, repeats=1, conflicts=1)
    assert await _store(database, other) == Stored(new=0, repeats=1, conflicts=0)
    stored = await rows(
        database, "SELECT value, status, reason, deliveries FROM inbox ORDER BY position"
    )
    assert stored[0].value == first.value
    assert stored[0].status == "pending"
    assert tuple(stored[1]) == (b'{"forged": true}', "dead", "conflicting-content", 3)
    letters = await rows(database, "SELECT value, reason FROM dead_letter")
    assert letters == [(b'{"forged": true}', "conflicting-content")]


async def test_other_content_in_the_same_batch_is_a_dead_letter_too(database: Database) -> None:
    payload = an_order_sent()
    first, other = a_record(payload), a_record(payload, value=b"{}", offset=1)
    assert await _store(database, first, other) == Stored(new=1, repeats=0, conflicts=1)
    letters = await rows(database, "SELECT value, kafka_offset FROM dead_letter")
    assert letters == [(b"{}", 1)]


async def test_what_has_no_readable_place_is_kept_as_a_dead_letter(database: Database) -> None:
    hopeless = [
        RawRecord("t", 0, 0, None, None, {}),
        RawRecord("t", 0, 1, b"\x00", b"\x00\xff", {"ce_id": b"\x00", "\x00": b"\xff"}),
        RawRecord("t", 0, 2, None, b"x" * 2_000_000, {"ce_id": b"nonsense"}),
        a_record(offset=3, topic="t", headers={"ce_sequence": None}),
        a_record(offset=4, topic="t", headers={"ce_subject": b"a\x00b"}),
        a_record(offset=5, topic="t", headers={"\ud800bad": b"x", "ce_practiceid": b"1"}),
    ]
    good = a_record(offset=6, topic="t")
    assert await _store(database, *hopeless, good) == Stored(new=7, repeats=0, conflicts=0)
    assert await _store(database, *hopeless) == Stored(new=0, repeats=6, conflicts=0)
    letters = await rows(
        database, "SELECT kafka_offset, reason, value FROM dead_letter ORDER BY kafka_offset"
    )
    assert [row.kafka_offset for row in letters] == [0, 1, 2, 3, 4, 5]
    assert {row.reason for row in letters} == {"unreadable-headers"}
    assert [row.value for row in letters] == [record.value for record in hopeless]
    assert await rows(database, "SELECT kafka_offset FROM inbox WHERE status = 'pending'") == [(6,)]


async def test_new_garbage_at_an_offset_given_out_again_is_not_taken_for_a_repeat(
    database: Database,
) -> None:
    await _store(database, RawRecord("t", 0, 0, None, b"one", {}))
    await _store(database, RawRecord("t", 0, 0, None, b"two", {}))
    letters = await rows(database, "SELECT value FROM dead_letter ORDER BY id")
    assert letters == [(b"one",), (b"two",)]


async def test_the_next_offset_never_goes_back(database: Database) -> None:
    await _store(database, a_record(offset=9))
    await _store(database, a_record(offset=3))
    assert await rows(database, "SELECT next_offset FROM topic_offset") == [(10,)]


async def test_nothing_is_kept_when_the_transaction_fails(database: Database) -> None:
    async def store_and_fail() -> None:
        async with database.transaction(Scope.everything()) as connection:
            await inbox.store(connection, [a_record()], now=NOW, via="ingest")
            raise RuntimeError("the process fails here")

    with pytest.raises(RuntimeError):
        await store_and_fail()
    assert await rows(database, "SELECT 1 FROM inbox") == []
    assert await rows(database, "SELECT 1 FROM topic_offset") == []
