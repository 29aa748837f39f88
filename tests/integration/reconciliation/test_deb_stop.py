"""A process asked to stop leaves a big file after its batch; the next one goes on at once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from sandbox.blocking import run_blocking
from sandbox.postgres import ServiceUrls
from services.reconciliation.adapters.deb_files import PostgresDebFileRepository
from services.reconciliation.bootstrap import MIGRATIONS
from services.reconciliation.handlers import stage_deb_file
from shared.db.migrations import migrate
from shared.runtime.parts import GRACE_SECONDS, run_parts
from tests.integration.reconciliation.house import House, booker_of
from tests.support.deb_builder import DebFile, Row
from tests.support.servers import ServiceDatabaseFactory

ROWS = 30_000


@pytest.fixture
def urls(service_database: ServiceDatabaseFactory) -> ServiceUrls:
    """A database of each test's own: a worker takes whatever file it finds."""
    urls = service_database("reconciliation")
    run_blocking(migrate(urls.owner_url, MIGRATIONS))
    return urls


@pytest.mark.parametrize(("method", "status"), [("stage", "fetched"), ("decide", "staged")])
async def test_a_stop_during_a_big_file_ends_in_time_and_the_next_process_goes_on_at_once(
    house: House, monkeypatch: pytest.MonkeyPatch, method: str, status: str
) -> None:
    await house.acquitted_invoices("120.00")
    monkeypatch.setattr(stage_deb_file, "STAGING_ROWS", 5_000)
    event = await house.fetched(DebFile(tuple(Row(f"R-{n}", "sent") for n in range(ROWS))))
    await house.receive(event)
    stop, calls = asyncio.Event(), 0
    original = getattr(PostgresDebFileRepository, method)

    async def stopping(*args: Any) -> None:
        nonlocal calls
        calls += 1
        await original(*args)
        if calls == 2:
            stop.set()

    with monkeypatch.context() as watched:
        watched.setattr(PostgresDebFileRepository, method, stopping)
        async with asyncio.timeout(60):
            task = asyncio.create_task(run_parts(house.definition.timers, stop=stop))
            await stop.wait()
            asked_at = asyncio.get_running_loop().time()
            assert await task == 0
    assert asyncio.get_running_loop().time() - asked_at < GRACE_SECONDS / 2
    assert calls == 2, "nothing was begun after the stop"
    file = await house.file(event.deb_file_id)
    assert (file["status"], file["lease_token"], file["attempts"]) == (status, None, 0)
    next_process = booker_of(house.define(deb_batch_rows=5_000))
    assert await next_process.tick(), "its clock has not moved: no lease had to end"
    file = await house.file(event.deb_file_id)
    assert (file["status"], file["booked"]) == ("booked", ROWS)
    await house.assert_books_hold()
