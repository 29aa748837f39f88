"""Content that is not to be had delays a file for a while, then ends in a queue; and comes back."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from services.reconciliation.adapters.deb_files import PostgresDebFileRepository
from shared.contracts.debident.v1 import DebFileFetched
from shared.contracts.envelope import ContentRef
from shared.kernel.errors import TransientError
from shared.objectstore.store import ObjectStore
from tests.integration.reconciliation.house import House
from tests.support.deb_builder import DebFile, Row

PAYOUT = Row("R-1", "payout", rappen=1000)
LATER = DebFile((PAYOUT,), file_id="F-0002", previous="F-0001")


async def _announced_only(house: House, file: DebFile) -> DebFileFetched:
    """The event of a file whose bytes are in no store."""
    digest = hashlib.sha256(file.data()).hexdigest()
    other = await house.fetched(b"another file", portal_file_id="deb-2.txt")
    ref = ContentRef(
        key=f"{house.practice_id}/deb-file/{digest}",
        sha256=digest,
        size_bytes=len(file.data()),
        media_type="text/plain",
    )
    return other.model_copy(update={"file": ref})


async def _work_often(house: House, times: int) -> None:
    for _ in range(times):
        await house.work()
        house.clock.advance(timedelta(minutes=11))


async def test_a_file_whose_content_is_missing_is_held_lets_others_pass_and_can_be_fetched_again(
    house: House,
) -> None:
    small = House(house.database, house.clock, deb_attempts_max=3)
    await small.acquitted_invoices("120.00")
    event = await _announced_only(small, LATER)
    await small.receive(event)
    await _work_often(small, 2)
    file = await small.file(event.deb_file_id)
    assert (file["status"], file["attempts"]) == ("fetched", 2)
    assert file["waits_because"] == "the store does not have the content"
    await _work_often(small, 1)
    file = await small.file(event.deb_file_id)
    assert (file["status"], file["reason_code"]) == ("held", "content-missing")
    assert event.file.key not in file["reason_detail"]
    assert [held["reason_code"] for held in await small.events("deb-file-held")] == [
        "content-missing"
    ]
    first = await small.book(DebFile((PAYOUT.but(record_id="R-0"),)))
    assert await small.outcomes(first) == ["2 booked"]
    await small.receive(await small.fetched(LATER))
    await small.work()
    assert await small.outcomes(event.deb_file_id) == ["2 booked"]
    assert await small.position("2026-000001") == "D 120.00 P 100.00 *"
    await small.assert_books_hold()


async def test_the_waits_for_missing_content_grow(house: House) -> None:
    await house.acquitted_invoices("120.00")
    event = await _announced_only(house, LATER)
    await house.receive(event)
    waits = []
    for _ in range(9):
        await house.work()
        due = (await house.file(event.deb_file_id))["next_attempt_at"]
        waits.append((due - house.clock.now()).total_seconds())
        house.clock.advance(due - house.clock.now())
    assert waits == [5, 10, 20, 40, 80, 160, 320, 600, 600]


async def test_a_store_that_never_gives_a_file_is_no_reason_to_try_for_ever(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = House(house.database, house.clock, deb_attempts_max=2)
    await small.acquitted_invoices("120.00")
    event = await small.fetched(DebFile((PAYOUT,)))
    await small.receive(event)

    async def down(*args: object, **kwargs: object) -> AsyncIterator[bytes]:
        raise TransientError("/secret/path: {'dump': 1}")
        yield b""

    with monkeypatch.context() as broken:
        broken.setattr(ObjectStore, "stream", down)
        await _work_often(small, 1)
        waits_because = (await small.file(event.deb_file_id))["waits_because"]
        await _work_often(small, 1)
    assert waits_because == "the store did not give the content"
    file = await small.file(event.deb_file_id)
    assert (file["status"], file["reason_code"]) == ("held", "content-unreadable")
    assert "secret" not in file["reason_detail"]
    await small.receive(event)
    await small.work()
    assert (await small.file(event.deb_file_id))["status"] == "booked"


async def test_damaged_content_is_held_at_once_and_read_again_when_fetched_again(
    house: House,
) -> None:
    await house.acquitted_invoices("120.00")
    event = await house.fetched(DebFile((PAYOUT,)))
    other = await house.fetched(LATER)
    lie = event.file.model_copy(update={"key": other.file.key})
    await house.receive(event.model_copy(update={"file": lie}))
    await house.work()
    file = await house.file(event.deb_file_id)
    assert (file["status"], file["reason_code"]) == ("held", "content-damaged")
    assert other.file.key not in file["reason_detail"]
    await house.receive(event)
    await house.work()
    assert await house.outcomes(event.deb_file_id) == ["2 booked"]


async def test_a_file_held_for_what_it_says_is_not_read_again(house: House) -> None:
    await house.acquitted_invoices("120.00")
    event = await house.fetched(DebFile((PAYOUT,), account="CMD-78"))
    await house.receive(event)
    await house.work()
    await house.receive(event)
    await house.work()
    assert (await house.file(event.deb_file_id))["reason_code"] == "foreign-account"
    assert len(await house.events("deb-file-held")) == 1


async def test_a_database_that_fails_is_no_fault_of_the_file_and_shows_none_of_its_words(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = House(house.database, house.clock, deb_attempts_max=2)
    await small.acquitted_invoices("120.00")
    event = await small.fetched(DebFile((PAYOUT,)))
    await small.receive(event)

    async def away(*args: object, **kwargs: object) -> None:
        raise TransientError("INSERT INTO deb_row ... Muster")

    with monkeypatch.context() as broken:
        broken.setattr(PostgresDebFileRepository, "stage", away)
        await _work_often(small, 4)
    file = await small.file(event.deb_file_id)
    assert (file["status"], file["waits_because"]) == ("fetched", "the database did not answer")
    await small.work()
    assert await small.outcomes(event.deb_file_id) == ["2 booked"]
