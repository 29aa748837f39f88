"""DEB files on PostgreSQL: each content once, one event each, and nothing changed afterwards."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy.exc import DBAPIError

from services.debident_gateway.adapters.debident_fake import FakeDebidentPortal
from shared.contracts.debident.v1 import DebFileFetched
from shared.db.engine import Database
from shared.kernel.ids import derived_id
from shared.testing import FrozenClock
from tests.integration.debident_gateway.office import Office

AN_HOUR = timedelta(hours=1)


@pytest.fixture
async def sent(office: Office) -> Office:
    """An office whose contract has an order at the portal."""
    await office.open()
    await office.order()
    await office.ticks.send_orders()
    return office


async def test_files_are_not_looked_for_before_the_first_order(office: Office) -> None:
    await office.open()
    assert await office.ticks.fetch_deb_files() == 0


async def test_a_file_is_fetched_once_and_its_bytes_are_in_the_store(
    sent: Office, portal: FakeDebidentPortal, clock: FrozenClock
) -> None:
    listed = portal.offer_deb_file("CMD-4711", b"rows", file_id="f1")
    for _ in range(3):
        await sent.ticks.fetch_deb_files()
        clock.advance(AN_HOUR)
    told = [body for name, body in await sent.told() if name == "deb-file-fetched"]
    [event] = [DebFileFetched.model_validate(body) for body in told]
    assert event.deb_file_id == derived_id("deb-file", sent.practice_id, listed.sha256)
    assert (event.portal_file_id, event.layout) == ("f1", "quittance-v1")
    assert await sent.store.get(event.file, practice_id=sent.practice_id) == b"rows"


async def test_the_same_bytes_listed_twice_are_one_file_one_event_and_two_sightings(
    sent: Office, portal: FakeDebidentPortal, clock: FrozenClock
) -> None:
    portal.offer_deb_file("CMD-4711", b"rows", file_id="f1")
    portal.offer_deb_file("CMD-4711", b"rows", file_id="f1-again")
    await sent.ticks.fetch_deb_files()
    clock.advance(AN_HOUR)
    portal.offer_deb_file("CMD-4711", b"rows", file_id="f1-third")
    await sent.ticks.fetch_deb_files()
    assert (await sent.told_types()).count("deb-file-fetched") == 1
    assert await sent.rows("SELECT count(*) AS n FROM deb_file") == [{"n": 1}]
    assert await sent.rows("SELECT count(*) AS n FROM deb_listing") == [{"n": 3}]


async def test_a_file_that_the_portal_mends_is_fetched_again_under_the_same_id(
    sent: Office, portal: FakeDebidentPortal, clock: FrozenClock
) -> None:
    portal.offer_deb_file("CMD-4711", b"trunc", file_id="f1")
    portal.offer_deb_file("CMD-4711", b"more", file_id="f2")
    await sent.ticks.fetch_deb_files()
    mended = portal.mend_deb_file("CMD-4711", b"truncated no more", file_id="f1")
    for _ in range(2):
        clock.advance(AN_HOUR)
        await sent.ticks.fetch_deb_files()
    told = [body for name, body in await sent.told() if name == "deb-file-fetched"]
    events = [DebFileFetched.model_validate(body) for body in told]
    assert [event.portal_file_id for event in events] == ["f1", "f2", "f1"]
    assert events[-1].deb_file_id == derived_id("deb-file", sent.practice_id, mended.sha256)
    read = await sent.store.get(events[-1].file, practice_id=sent.practice_id)
    assert read == b"truncated no more"
    assert await sent.rows("SELECT position, problem FROM deb_cursor") == [
        {"position": 2, "problem": None}
    ]


async def test_two_gateways_at_once_fetch_each_file_once(
    sent: Office, portal: FakeDebidentPortal, second_database: Database
) -> None:
    for number in range(10):
        portal.offer_deb_file("CMD-4711", f"rows {number}".encode(), file_id=f"f{number}")
    other = sent.another_process(second_database)
    await asyncio.gather(sent.ticks.fetch_deb_files(), other.fetch_deb_files())
    assert (await sent.told_types()).count("deb-file-fetched") == 10
    cursor = await sent.rows("SELECT position, problem, lease_until FROM deb_cursor")
    assert cursor == [{"position": 10, "problem": None, "lease_until": None}]


async def test_a_fetched_file_can_be_neither_changed_nor_removed(
    sent: Office, portal: FakeDebidentPortal
) -> None:
    portal.offer_deb_file("CMD-4711", b"rows", file_id="f1")
    await sent.ticks.fetch_deb_files()
    for statement in (
        "UPDATE deb_file SET name = 'x' RETURNING 1",
        "DELETE FROM deb_listing RETURNING 1",
        "DELETE FROM transmission RETURNING 1",
    ):
        with pytest.raises(DBAPIError, match="permission denied"):
            await sent.rows(statement)
