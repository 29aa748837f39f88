"""A crash at any point, or two workers at once, leaves the same books as one undisturbed run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from sandbox.blocking import run_blocking
from sandbox.postgres import ServiceUrls
from services.reconciliation.adapters.books import PostgresBookRepository
from services.reconciliation.adapters.deb_files import PostgresDebFileRepository
from services.reconciliation.bootstrap import MIGRATIONS
from services.reconciliation.entrypoints.timers import DebBooker
from services.reconciliation.handlers import stage_deb_file
from services.reconciliation.handlers.deb_lease import DebLease, LeaseLostError
from shared.db.migrations import migrate
from shared.kernel.errors import TransientError
from shared.objectstore.store import ObjectStore
from tests.integration.reconciliation.house import House, booker_of
from tests.support.deb_builder import DebFile, Row
from tests.support.servers import ServiceDatabaseFactory
from tests.support.waiting import eventually

LEASE = timedelta(seconds=121)


@pytest.fixture
def urls(service_database: ServiceDatabaseFactory) -> ServiceUrls:
    """A database of each test's own: a worker takes whatever file it finds."""
    urls = service_database("reconciliation")
    run_blocking(migrate(urls.owner_url, MIGRATIONS))
    return urls


class CrashError(Exception):
    """The process ends here."""


def _file(rows: int = 25) -> DebFile:
    return DebFile(tuple(Row(f"R-{n}", "payout", rappen=100) for n in range(rows)))


async def _start(house: House) -> House:
    small = House(house.database, house.clock, deb_batch_rows=10)
    await small.acquitted_invoices("120.00")
    return small


async def _assert_as_if_undisturbed(house: House) -> None:
    assert await house.position("2026-000001") == "D 120.00 P 95.00 *"
    assert (await house.balances())["1020"] == "25.00"
    (booked,) = await house.events("deb-file-booked")
    assert (booked["rows_read"], booked["booked"]) == (25, 25)
    await house.assert_books_hold()


@pytest.mark.parametrize(
    ("where", "method", "call"),
    [
        (PostgresDebFileRepository, "stage", 1),
        (PostgresDebFileRepository, "stage", 2),
        (PostgresDebFileRepository, "mark_staged", 1),
        (PostgresDebFileRepository, "decide", 1),
        (PostgresDebFileRepository, "decide", 2),
        (PostgresDebFileRepository, "decide", 3),
        (PostgresBookRepository, "book", 2),
        (PostgresDebFileRepository, "finish", 1),
    ],
)
async def test_a_crash_between_or_within_batches_repeats_nothing_and_loses_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch, where: type, method: str, call: int
) -> None:
    small = await _start(house)
    monkeypatch.setattr(stage_deb_file, "STAGING_ROWS", 10)
    await small.receive(await small.fetched(_file()))
    original, calls = getattr(where, method), 0

    async def crashing(*args: object, **kwargs: object) -> object:
        nonlocal calls
        calls += 1
        result = await original(*args, **kwargs)
        if calls == call:
            raise CrashError
        return result

    monkeypatch.setattr(where, method, crashing)
    with pytest.raises(CrashError):
        await small.work()
    assert calls == call
    small.clock.advance(LEASE)
    await small.work()
    await _assert_as_if_undisturbed(small)


async def test_a_file_that_ends_every_worker_is_held_in_the_end(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = await _start(house)
    deb_file_id = (await small.fetched(_file())).deb_file_id
    await small.receive(await small.fetched(_file()))

    async def crashing(*args: object, **kwargs: object) -> None:
        raise CrashError

    monkeypatch.setattr(PostgresDebFileRepository, "stage", crashing)
    for _ in range(10):
        with pytest.raises(CrashError):
            await small.work()
        small.clock.advance(LEASE)
    await small.work()
    assert (await small.file(deb_file_id))["reason_code"] == "too-many-attempts"


async def test_a_file_that_makes_progress_between_crashes_is_never_set_aside(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = House(house.database, house.clock, deb_batch_rows=5, deb_attempts_max=2)
    await small.acquitted_invoices("120.00")
    event = await small.fetched(_file())
    await small.receive(event)
    original, calls = PostgresDebFileRepository.decide, 0

    async def crashing(*args: Any) -> None:
        nonlocal calls
        calls += 1
        if calls % 2 == 0:
            raise CrashError
        await original(*args)

    monkeypatch.setattr(PostgresDebFileRepository, "decide", crashing)
    for _ in range(4):
        with pytest.raises(CrashError):
            await small.work()
        assert (await small.file(event.deb_file_id))["attempts"] == 0
        small.clock.advance(LEASE)
    await small.work()
    await _assert_as_if_undisturbed(small)


async def test_an_object_store_that_is_down_delays_the_file_and_holds_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = await _start(house)
    await small.receive(await small.fetched(_file()))

    async def down(*args: object, **kwargs: object) -> AsyncIterator[bytes]:
        raise TransientError("the object store did not answer")
        yield b""

    with monkeypatch.context() as broken:
        broken.setattr(ObjectStore, "stream", down)
        for _ in range(15):
            await small.work()
            small.clock.advance(timedelta(seconds=6))
    small.clock.advance(timedelta(minutes=2))
    await small.work()
    await _assert_as_if_undisturbed(small)


async def test_an_error_that_nobody_thought_of_does_not_end_the_work_of_all_files(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = await _start(house)
    await small.receive(await small.fetched(_file()))
    original, calls = PostgresDebFileRepository.decide, 0

    async def failing_once(*args: Any, **kwargs: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise CrashError
        await original(*args, **kwargs)

    monkeypatch.setattr(PostgresDebFileRepository, "decide", failing_once)
    stop = asyncio.Event()
    part = asyncio.create_task(small.definition.timers[0].run(stop))

    async def is_booked() -> bool:
        return bool(await small.events("deb-file-booked"))

    await eventually(is_booked, because="the lease ended and the file was taken up again")
    stop.set()
    await asyncio.wait_for(part, timeout=10)
    assert calls > 2
    await _assert_as_if_undisturbed(small)


async def test_workers_at_once_book_each_row_once(house: House) -> None:
    small = await _start(house)
    other = House(house.database, house.clock, store=small.store)
    await other.acquitted_invoices("50.00")
    await small.receive(await small.fetched(_file()))
    await other.receive(await other.fetched(DebFile((Row("R-1", "payout", rappen=700),))))
    workers = [booker_of(small.define(deb_batch_rows=10)) for _ in range(3)]
    worked = await asyncio.gather(*(_work_until_idle(worker) for worker in workers))
    assert sum(worked) == 2, "each file was worked by one worker"
    await _assert_as_if_undisturbed(small)
    assert await other.position("2026-000001") == "D 50.00 P 43.00 *"


async def _work_until_idle(worker: DebBooker) -> int:
    done = 0
    while await worker.tick():
        done += 1
    return done


async def test_a_worker_whose_lease_was_taken_over_can_book_nothing_more(house: House) -> None:
    small = await _start(house)
    await small.receive(await small.fetched(_file()))
    shop = small.booker.shop
    first = await shop.queue.claim()
    assert first is not None
    assert await shop.queue.claim() is None
    small.clock.advance(LEASE)
    second = await shop.queue.claim()
    assert second is not None
    assert second.deb_file_id == first.deb_file_id
    with pytest.raises(LeaseLostError):
        async with DebLease(first, shop.open_unit, shop.policy, small.clock).unit():
            pass
    async with DebLease(second, shop.open_unit, shop.policy, small.clock).unit() as uow:
        assert await uow.deb_files.next_rows(second, limit=1) == []


async def test_files_of_one_practice_are_worked_one_after_the_other(house: House) -> None:
    small = await _start(house)
    await small.receive(await small.fetched(_file()))
    await small.receive(await small.fetched(DebFile((), file_id="F-0002", previous="F-0001")))
    queue = small.booker.shop.queue
    assert await queue.claim() is not None
    assert await queue.claim() is None


async def test_the_part_books_what_comes_and_ends_when_asked(house: House) -> None:
    small = await _start(house)
    stop = asyncio.Event()
    part = asyncio.create_task(small.definition.timers[0].run(stop))
    await small.receive(await small.fetched(_file()))

    async def is_booked() -> bool:
        return bool(await small.events("deb-file-booked"))

    await eventually(is_booked, because="the file was booked")
    stop.set()
    await asyncio.wait_for(part, timeout=10)
    await _assert_as_if_undisturbed(small)
