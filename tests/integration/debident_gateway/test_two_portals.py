"""Two portals on PostgreSQL: the outage of one stops no call to the other, whatever the way."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from services.debident_gateway.adapters.debident_fake import FakeDebidentPortal
from services.debident_gateway.domain.answers import NotSent, SendOutcome
from services.debident_gateway.domain.model import PortalAccess, SftpDoor
from shared.db.engine import Database
from shared.db.scope import Scope
from shared.objectstore import open_object_store
from shared.testing import FrozenClock
from tests.contracts.portal.file_server import HOST_KEY, public_line
from tests.integration.debident_gateway.office import Office
from tests.support.web import api_client

FAILURES_MAX = 5
LATER = timedelta(minutes=20)
"""Longer than the longest pause."""


def _clients(*accounts: str) -> dict[str, tuple[str, str]]:
    return {f"client-of-{account}": ("s3cret", account) for account in accounts}


@dataclass(slots=True)
class ServersPortal(FakeDebidentPortal):
    """Several SFTP servers, of which some are down.

    Attributes:
        down: the hosts that do not answer.
        calls: how often each host was called to hand over an order.
    """

    down: set[str] = field(default_factory=set)
    calls: Counter[str] = field(default_factory=Counter)

    async def send_order(
        self, access: PortalAccess, order_id: UUID, package: bytes, *, sha256: str
    ) -> SendOutcome:
        assert access.sftp is not None
        self.calls[access.sftp.host] += 1
        if access.sftp.host in self.down:
            return NotSent("could-not-connect")
        return await FakeDebidentPortal.send_order(self, access, order_id, package, sha256=sha256)


async def _fail(office: Office, clock: FrozenClock) -> None:
    """Let the office's order fail until nobody calls any more."""
    for _ in range(FAILURES_MAX):
        await office.ticks.send_orders()
        clock.advance(timedelta(minutes=2))


async def _told(office: Office) -> list[str]:
    return [name for name in await office.told_types() if name.startswith("portal-")]


async def test_one_http_portals_outage_does_not_stop_the_other(
    database: Database, clock: FrozenClock
) -> None:
    store = open_object_store("memory:", key=bytes(32))
    down = FakeDebidentPortal(clients=_clients("CMD-1"), place="down.example:443")
    there = FakeDebidentPortal(clients=_clients("CMD-2"), place="there.example:443")
    first = await Office(database, clock, store, down, account="CMD-1").open()
    down.unavailable = 10_000
    waiting = await first.order()
    await _fail(first, clock)
    assert await _told(first) == ["portal-unreachable"]
    calls = down.unavailable
    second = await Office(database, clock, store, there, account="CMD-2").open()
    order_id = await second.order()
    await second.ticks.send_orders()
    assert (await second.state(order_id))[0] == "sent"
    assert (await first.state(waiting))[0] != "sent"
    [circuit] = await first.rows("SELECT address FROM portal_circuit WHERE outage_id IS NOT NULL")
    assert circuit == {"address": "down.example:443"}
    assert down.unavailable == calls, "nobody called the one that is down"


@pytest.fixture
def portal() -> ServersPortal:
    """Two servers that know an account each."""
    return ServersPortal(clients=_clients("CMD-1", "CMD-2"))


async def _office(
    database: Database, clock: FrozenClock, portal: ServersPortal, number: int, host: str
) -> Office:
    store = open_object_store("memory:", key=bytes(32))
    office = Office(database, clock, store, portal, account=f"CMD-{number}")
    await office.open(credentials=False, adapter="sftp")
    door = SftpDoor(host, 22, public_line(HOST_KEY), "password")
    await office.enter_sftp_access(door, f"client-of-CMD-{number}")
    return office


async def test_one_sftp_servers_outage_stops_and_releases_its_own_orders_only(
    database: Database, second_database: Database, portal: ServersPortal, clock: FrozenClock
) -> None:
    first = await _office(database, clock, portal, 1, "Down.example")
    second = await _office(second_database, clock, portal, 2, "there.example")
    portal.down = {"Down.example"}
    waiting = await first.order()
    await _fail(first, clock)
    assert (await _told(first), await _told(second)) == (["portal-unreachable"], [])
    order_id = await second.order()
    await second.ticks.send_orders()
    assert (await second.state(order_id))[0] == "sent"
    async with api_client(
        first.definition.endpoints, database, clock=clock, service="debident-gateway"
    ) as api:
        for office, state, address in (
            (first, "unreachable", "down.example:22"),
            (second, "reachable", "there.example:22"),
        ):
            _, shown = await api.as_user().get(f"/v1/practices/{office.practice_id}/portals")
            portals: list[Any] = shown["portals"]
            assert [(one["address"], one["scope"]) for one in portals] == [
                (address, "portal"),
                (address, "account"),
            ]
            assert portals[0]["state"] == state
    portal.down = set()
    clock.advance(LATER)
    await first.ticks.send_orders()
    assert (await first.state(waiting))[0] == "sent"
    assert (await _told(first), await _told(second)) == (
        ["portal-unreachable", "portal-reachable"],
        [],
    )


async def test_an_outage_from_before_the_addresses_ends_at_the_first_answer(
    office: Office, portal: ServersPortal, clock: FrozenClock
) -> None:
    http = FakeDebidentPortal(clients=_clients("CMD-4711"))
    upgraded = Office(office.database, clock, office.store, http)
    await upgraded.open()
    http.unavailable = 10_000
    await upgraded.order()
    await _fail(upgraded, clock)
    async with upgraded.database.transaction(Scope.everything()) as connection:
        await connection.execute(text("UPDATE portal_circuit SET address = ''"))
    http.unavailable = 0
    clock.advance(LATER)
    await upgraded.ticks.send_orders()
    assert await _told(upgraded) == ["portal-unreachable", "portal-reachable"]


async def _ends(office: Office) -> list[bool]:
    """Per end of an outage that the office was told: whether it had left the portal."""
    return [data["left"] for name, data in await office.told() if name == "portal-reachable"]


async def test_who_moves_to_another_server_in_an_outage_is_told_at_once_that_it_is_over(
    database: Database, portal: ServersPortal, clock: FrozenClock
) -> None:
    moving = await _office(database, clock, portal, 1, "down.example")
    staying = await _office(database, clock, portal, 2, "down.example")
    portal.down = {"down.example"}
    waiting = await moving.order()
    await staying.order()
    await _fail(moving, clock)
    assert await _told(moving) == await _told(staying) == ["portal-unreachable"]
    door = SftpDoor("there.example", 22, public_line(HOST_KEY), "password")
    await moving.enter_sftp_access(door, "client-of-CMD-1")
    assert (await _ends(moving), await _ends(staying)) == ([True], [])
    await moving.ticks.send_orders()
    assert (await moving.state(waiting))[0] == "sent", "it does not wait for the old portal"
    portal.down = set()
    clock.advance(LATER)
    await staying.ticks.send_orders()
    assert (await _ends(moving), await _ends(staying)) == ([True], [False])


async def test_who_comes_to_a_silent_server_is_told_by_the_next_probe_and_of_the_end(
    database: Database, portal: ServersPortal, clock: FrozenClock
) -> None:
    there = await _office(database, clock, portal, 1, "down.example")
    portal.down = {"down.example"}
    await there.order()
    await _fail(there, clock)
    coming = await _office(database, clock, portal, 2, "Down.example")
    clock.advance(LATER)
    await there.ticks.send_orders()
    assert await _told(coming) == ["portal-unreachable"]
    portal.down = set()
    clock.advance(LATER)
    await there.ticks.send_orders()
    both = ["portal-unreachable", "portal-reachable"]
    assert (await _told(there), await _told(coming)) == (both, both)


async def test_when_the_http_portal_gets_another_address_the_first_call_there_tells_it(
    database: Database, clock: FrozenClock
) -> None:
    store = open_object_store("memory:", key=bytes(32))
    old = FakeDebidentPortal(clients=_clients("CMD-1"), place="old.example:443")
    office = await Office(database, clock, store, old, account="CMD-1").open()
    old.unavailable = 10_000
    await office.order()
    await _fail(office, clock)
    office.workshop.portal.place = "new.example:443"  # type: ignore[attr-defined]
    old.unavailable = 0
    await office.order()
    await office.receive(office.contract_changed(version=2, deb_poll_interval_seconds=300))
    assert await _ends(office) == [], "nothing is known yet of where its calls go"
    clock.advance(LATER)
    await office.ticks.send_orders()
    assert await _ends(office) == [True]


async def test_a_contract_that_goes_over_to_handing_over_by_hand_ends_its_outages(
    database: Database, portal: ServersPortal, clock: FrozenClock
) -> None:
    office = await _office(database, clock, portal, 1, "down.example")
    portal.down = {"down.example"}
    await office.order()
    await _fail(office, clock)
    await office.receive(office.contract_changed(version=2, adapter="manual"))
    assert await _ends(office) == [True]
