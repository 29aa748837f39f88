"""What the handlers rely on: the same expectations on the repositories in memory and PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from services.debident_gateway.adapters.sealing import SecretSealer
from services.debident_gateway.adapters.unit_of_work import SqlUnitOfWork
from services.debident_gateway.domain.errors import CredentialsUnreadableError
from services.debident_gateway.domain.model import (
    DebCursor,
    FetchedDebFile,
    PortalAccess,
    SftpDoor,
)
from services.debident_gateway.domain.transmission import Transmission, TransmissionState
from shared.db.engine import Database
from shared.db.scope import Scope
from shared.testing import FrozenClock
from tests.unit.debident_gateway.builders import (
    ACCOUNT,
    CONTRACT,
    NOW,
    ORDER,
    PRACTICE,
    SECOND_ORDER,
    content,
    terms,
    transmission,
)
from tests.unit.debident_gateway.fakes import MemoryUnitOfWork

LATER = NOW + timedelta(minutes=5)
Unit = Callable[[], AbstractAsyncContextManager[Any]]


@pytest.fixture(params=["memory", "postgresql"])
def unit(request: pytest.FixtureRequest, database: Database, clock: FrozenClock) -> Unit:
    """Opens a unit of work; each is a transaction of its own where there are transactions."""
    memory = MemoryUnitOfWork()

    @asynccontextmanager
    async def in_memory() -> AsyncIterator[MemoryUnitOfWork]:
        yield memory

    @asynccontextmanager
    async def in_postgresql() -> AsyncIterator[SqlUnitOfWork]:
        async with (
            database.transaction(Scope.everything()) as connection,
            SqlUnitOfWork(connection, clock, SecretSealer(bytes(32))) as uow,
        ):
            yield uow

    return in_memory if request.param == "memory" else in_postgresql


async def _in_hand(unit: Unit, **changes: Any) -> Transmission:
    """Store the contract and an order of it; return the order."""
    stored = transmission(**changes)
    async with unit() as uow:
        await uow.contracts.save_if_newer(terms())
        assert await uow.transmissions.add(stored)
    return stored


def _file(data: bytes, file_id: str, position: int) -> FetchedDebFile:
    return FetchedDebFile(
        deb_file_id=uuid4(),
        practice_id=PRACTICE,
        contract_id=CONTRACT,
        portal_file_id=file_id,
        name=f"{file_id}.deb",
        position=position,
        layout="quittance-v1",
        content=content(data, "deb-file"),
        fetched_at=NOW,
    )


async def test_terms_are_replaced_by_newer_ones_only(unit: Unit) -> None:
    async with unit() as uow:
        assert await uow.contracts.get(CONTRACT) is None
        assert await uow.contracts.save_if_newer(terms(version=2))
    async with unit() as uow:
        assert not await uow.contracts.save_if_newer(terms(version=2, deb_layout="other"))
        assert not await uow.contracts.save_if_newer(terms(version=1))
        assert await uow.contracts.get(CONTRACT) == terms(version=2)
        assert await uow.contracts.save_if_newer(terms(version=3, adapter="manual"))
        assert await uow.contracts.lock(CONTRACT) == terms(version=3, adapter="manual")


async def test_access_is_what_was_entered_last(unit: Unit) -> None:
    async with unit() as uow:
        missing = await uow.credentials.access(PRACTICE, account_number=ACCOUNT, adapter="http")
        assert missing is None
        assert await uow.credentials.changed_at(PRACTICE, adapter="http") is None
        for client, secret, replaces, changed_at, stored in (
            ("client-a", "old", None, NOW, True),
            ("client-c", "lost", None, LATER, False),
            ("client-b", "new", NOW, LATER, True),
            ("client-d", "late", NOW, LATER, False),
        ):
            assert stored is await uow.credentials.put(
                PRACTICE,
                client_id=client,
                client_secret=secret,
                changed_at=changed_at,
                replaces=replaces,
            )
        assert await uow.credentials.changed_at(PRACTICE, adapter="http") == LATER
    async with unit() as uow:
        access = await uow.credentials.access(PRACTICE, account_number=ACCOUNT, adapter="http")
        assert await uow.credentials.access(uuid4(), account_number=ACCOUNT, adapter="http") is None
    assert (access.client_id, access.client_secret) == ("client-b", "new")
    assert (access.practice_id, access.account_number) == (PRACTICE, ACCOUNT)


async def test_the_two_adapters_have_an_access_each_and_the_last_entered_counts(
    unit: Unit,
) -> None:
    doors = [SftpDoor(host, 22, "ssh-ed25519 AAAA", "password") for host in ("old", "new")]
    async with unit() as uow:
        await uow.contracts.save_if_newer(terms())
        assert await uow.contracts.knows_practice(PRACTICE)
        assert not await uow.contracts.knows_practice(uuid4())
        for door, replaces, changed_at, stored in (
            (doors[0], None, NOW, True),
            (doors[1], None, LATER, False),
            (doors[1], NOW, LATER, True),
        ):
            assert stored is await uow.credentials.put_sftp(
                PRACTICE,
                user=f"at-{door.host}",
                secret="word",
                door=door,
                changed_at=changed_at,
                replaces=replaces,
            )
    async with unit() as uow:
        over_http = await uow.credentials.access(PRACTICE, account_number=ACCOUNT, adapter="http")
        access = await uow.credentials.access(PRACTICE, account_number=ACCOUNT, adapter="sftp")
        assert over_http is None
    assert access == PortalAccess(PRACTICE, "at-new", "word", ACCOUNT, doors[1])


async def test_a_secret_is_shown_to_no_other_server_than_the_one_it_was_entered_for(
    database: Database, clock: FrozenClock
) -> None:
    door = SftpDoor("portal.invalid", 22, "ssh-ed25519 AAAA", "password")
    async with database.transaction(Scope.everything()) as connection:
        async with SqlUnitOfWork(connection, clock, SecretSealer(bytes(32))) as uow:
            await uow.credentials.put_sftp(
                PRACTICE, user="a", secret="word", door=door, changed_at=NOW, replaces=None
            )
        await connection.execute(text("UPDATE portal_sftp_credentials SET host = 'evil.invalid'"))
        async with SqlUnitOfWork(connection, clock, SecretSealer(bytes(32))) as uow:
            with pytest.raises(CredentialsUnreadableError):
                await uow.credentials.access(PRACTICE, account_number=ACCOUNT, adapter="sftp")


async def test_an_order_is_added_once_and_changes_only_by_being_saved(unit: Unit) -> None:
    stored = await _in_hand(unit)
    async with unit() as uow:
        assert not await uow.transmissions.add(transmission(order_number="other"))
        assert await uow.transmissions.lock(SECOND_ORDER) is None
        taken = await uow.transmissions.lock(ORDER)
        assert taken == stored
        taken.hold("portal-credentials-missing", until=LATER)
        assert not (await uow.transmissions.lock(ORDER)).held
        await uow.transmissions.save(taken)
    async with unit() as uow:
        assert await uow.transmissions.lock_if_free(ORDER) == taken
        assert await uow.transmissions.release_held(now=NOW) == 1
        assert await uow.transmissions.release_held(now=NOW) == 0
        released = await uow.transmissions.lock(ORDER)
    assert (released.held, released.next_action_at) == (False, NOW)


async def test_due_orders_are_those_whose_time_has_come_in_their_state(unit: Unit) -> None:
    await _in_hand(unit, next_action_at=LATER)
    async with unit() as uow:
        assert await uow.transmissions.due_to_send(now=NOW, limit=9) == []
        (due,) = await uow.transmissions.due_to_send(now=LATER, limit=9)
        assert (due.order_id, due.practice_id) == (ORDER, PRACTICE)
        assert not await uow.transmissions.contract_in_flight(CONTRACT, apart_from=SECOND_ORDER)
        sending = await uow.transmissions.lock(ORDER)
        sending.state, sending.attempts = TransmissionState.SENDING, 1
        sending.lease_until = LATER
        await uow.transmissions.save(sending)
        await uow.transmissions.add_attempt(sending, began_at=NOW)
    async with unit() as uow:
        assert await uow.transmissions.contract_in_flight(CONTRACT, apart_from=SECOND_ORDER)
        assert not await uow.transmissions.contract_in_flight(CONTRACT, apart_from=ORDER)
        assert await uow.transmissions.abandoned(now=NOW, limit=9) == []
        (left,) = await uow.transmissions.abandoned(now=LATER, limit=9)
        assert left.order_id == ORDER
        sending.state, sending.sent_at, sending.lease_until = TransmissionState.SENT, NOW, None
        await uow.transmissions.save(sending)
    async with unit() as uow:
        assert await uow.transmissions.due_to_ask(now=NOW, limit=9) == []
        (asked,) = await uow.transmissions.due_to_ask(now=LATER, limit=9)
        assert asked.order_id == ORDER
        assert await uow.transmissions.due_to_send(now=LATER, limit=9) == []


async def test_an_order_whose_contract_has_another_in_flight_is_not_due(unit: Unit) -> None:
    await _in_hand(unit, state=TransmissionState.SENT, sent_at=NOW)
    await _in_hand(unit, order_id=SECOND_ORDER)
    async with unit() as uow:
        assert await uow.transmissions.due_to_send(now=LATER, limit=9) == []


async def test_a_cursor_begins_once_and_is_claimed_when_it_is_due(unit: Unit) -> None:
    cursor = DebCursor(PRACTICE, CONTRACT, 0, NOW)
    async with unit() as uow:
        await uow.contracts.save_if_newer(terms())
        await uow.deb_files.ensure_cursor(cursor)
        await uow.deb_files.ensure_cursor(replace(cursor, position=9))
    async with unit() as uow:
        before = NOW - timedelta(seconds=1)
        assert await uow.deb_files.due(now=before, limit=9) == []
        assert await uow.deb_files.claim(CONTRACT, now=before, lease_until=LATER) is None
        (due,) = await uow.deb_files.due(now=NOW, limit=9)
        assert (due.contract_id, due.practice_id) == (CONTRACT, PRACTICE)
        held = replace(cursor, lease_until=LATER)
        assert await uow.deb_files.claim(CONTRACT, now=NOW, lease_until=LATER) == held
    async with unit() as uow:
        assert await uow.deb_files.due(now=NOW, limit=9) == []
        assert await uow.deb_files.claim(CONTRACT, now=NOW, lease_until=LATER) is None
        moved = replace(held, position=7, next_poll_at=NOW, problem="time-out")
        assert await uow.deb_files.save_cursor(moved)
    async with unit() as uow:
        assert await uow.deb_files.claim(CONTRACT, now=NOW, lease_until=LATER) == moved


async def test_a_file_counts_by_its_content_and_a_listing_by_id_and_content(unit: Unit) -> None:
    first, mended = _file(b"trunc", "f1", 1), _file(b"truncated no more", "f1", 1)
    async with unit() as uow:
        await uow.contracts.save_if_newer(terms())
        for file in (first, mended):
            assert await uow.deb_files.add(file)
            assert await uow.deb_files.note_listing(file)
    async with unit() as uow:
        assert not await uow.deb_files.add(first)
        assert not await uow.deb_files.note_listing(first)
        assert await uow.deb_files.note_listing(replace(first, portal_file_id="f2"))
        assert await uow.deb_files.seen(CONTRACT, ["f1", "f9"]) == {
            ("f1", first.content.sha256),
            ("f1", mended.content.sha256),
        }
        assert await uow.deb_files.seen(uuid4(), ["f1"]) == frozenset()


async def test_a_look_begins_so_far_back_that_the_last_files_are_seen_again(unit: Unit) -> None:
    cursor = DebCursor(PRACTICE, CONTRACT, 5_000, NOW)
    async with unit() as uow:
        await uow.contracts.save_if_newer(terms())
        assert await uow.deb_files.look_from(cursor, again=2) == 0
        for place, position in enumerate((10, 900, 900, 5_000, 7_000)):
            file = _file(f"rows {place}".encode(), f"f{position}", position)
            await uow.deb_files.add(file)
            await uow.deb_files.note_listing(file)
    async with unit() as uow:
        looks = [await uow.deb_files.look_from(cursor, again=again) for again in (0, 1, 2, 3)]
    assert looks == [5_000, 900, 10, 0]
