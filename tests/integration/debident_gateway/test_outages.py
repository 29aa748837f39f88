"""Outages on PostgreSQL: several processes share one circuit, and its end lets everything go on."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.debident_gateway.adapters.debident_fake import FakeDebidentPortal
from services.debident_gateway.domain.answers import SendOutcome
from services.debident_gateway.domain.model import PortalAccess, PortalAddress
from services.debident_gateway.entrypoints.figures import gateway_gauges
from shared.contracts.invoicing.v1 import PortalTerms
from shared.contracts.orders.v1 import OrderOverdue
from shared.db.engine import Database
from shared.db.scope import Scope
from shared.objectstore import open_object_store
from shared.testing import FrozenClock
from tests.integration.debident_gateway.office import ARRIVAL_CHECK_AFTER, Office
from tests.support.waiting import eventually
from tests.support.web import ApiClient, api_client

FAILURES_MAX = 5
A_WHILE = timedelta(minutes=16)
"""Longer than the longest pause."""


class CountingPortal(FakeDebidentPortal):
    """Counts the calls that reach it, and how many there are at once.

    Attributes:
        may_end: no call ends before this is true.
    """

    calls = 0
    at_once = 0
    most_at_once = 0

    def __init__(self, **named: Any) -> None:
        super().__init__(**named)
        self.may_end: Callable[[], bool] = lambda: True

    async def send_order(self, *args: Any, **named: Any) -> SendOutcome:
        self.calls += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await eventually(self.may_end, because="the call may end")
        self.at_once -= 1
        return await FakeDebidentPortal.send_order(self, *args, **named)


@pytest.fixture
def portal() -> CountingPortal:
    """A portal that knows the office's account."""
    return CountingPortal(clients={"client-of-CMD-4711": ("s3cret", "CMD-4711")})


@pytest.fixture
async def api(office: Office) -> AsyncIterator[ApiClient]:
    """The API, called by a billing office."""
    async with api_client(
        office.definition.endpoints, office.database, clock=office.clock, service="debident-gateway"
    ) as client:
        yield client


async def _contracts_with_an_order(office: Office, count: int) -> list[UUID]:
    """Give the practice more contracts, each with an order that is due; return the orders."""
    orders = []
    for _ in range(count):
        office.contract_id = uuid4()
        await office.receive(office.contract_changed())
        orders.append(await office.order())
    return orders


async def _break(office: Office, portal: CountingPortal) -> list[UUID]:
    """Let as many orders fail as it takes; return them."""
    await office.open()
    portal.unavailable = 10_000
    orders = await _contracts_with_an_order(office, FAILURES_MAX)
    await office.ticks.send_orders()
    return orders


async def test_many_contracts_are_sent_side_by_side_within_the_bound(
    office: Office, portal: CountingPortal
) -> None:
    await office.open()
    orders = await _contracts_with_an_order(office, 30)
    bound = office.workshop.pace.parallel_calls
    portal.may_end = lambda: portal.most_at_once >= bound
    await office.ticks.send_orders()
    assert portal.calls == len(orders) == 30
    assert portal.most_at_once == bound


async def test_orders_of_one_contract_never_leave_side_by_side(
    office: Office, portal: CountingPortal, second_database: Database
) -> None:
    await office.open()
    for _ in range(5):
        await office.order()
    other, released = office.another_process(second_database), asyncio.Event()
    portal.may_end = released.is_set
    first = asyncio.create_task(office.ticks.send_orders())
    await eventually(lambda: portal.calls, because="the first order leaves")
    await other.send_orders()
    released.set()
    await first
    await other.send_orders()
    assert (portal.calls, portal.most_at_once) == (1, 1)


async def test_an_open_circuit_holds_back_the_calls_of_every_process(
    office: Office, portal: CountingPortal, second_database: Database, clock: FrozenClock
) -> None:
    await _break(office, portal)
    assert portal.calls == FAILURES_MAX
    waiting = await _contracts_with_an_order(office, 3)
    await office.another_process(second_database).send_orders()
    assert portal.calls == FAILURES_MAX
    rows = await office.rows(
        "SELECT attempts, waits_for_portal FROM transmission WHERE order_id = ANY (:ids)",
        ids=waiting,
    )
    assert [tuple(row.values()) for row in rows] == [(0, True)] * 3
    assert await gateway_gauges(office.database)() == {
        "portals_unreachable": 1.0,
        "portal_accounts_unreachable": 0.0,
        "orders_waiting_for_portal": 3.0,
        "deb_gaps_open": 0.0,
    }


async def test_of_several_processes_one_probes_and_its_success_lets_all_go_on(
    office: Office, portal: CountingPortal, second_database: Database, clock: FrozenClock
) -> None:
    orders = await _break(office, portal)
    clock.advance(A_WHILE)
    other = office.another_process(second_database)
    await asyncio.gather(office.ticks.send_orders(), other.send_orders())
    assert portal.calls == FAILURES_MAX + 1, "one probe, which failed"
    portal.unavailable = 0
    clock.advance(A_WHILE)
    await asyncio.gather(office.ticks.send_orders(), other.send_orders())
    await asyncio.gather(office.ticks.send_orders(), other.send_orders())
    assert Counter([(await office.state(order))[0] for order in orders]) == {"sent": FAILURES_MAX}
    assert {order.uploads for order in portal.orders.values()} == {1}
    names = [name for name in await office.told_types() if name.startswith("portal-")]
    assert names == ["portal-unreachable", "portal-reachable"]


async def test_every_practice_that_uses_the_portal_is_told(
    office: Office, portal: CountingPortal, database: Database, clock: FrozenClock
) -> None:
    other = Office(database, clock, office.store, portal, account="CMD-5822")
    await other.open()
    by_hand = Office(database, clock, open_object_store("memory:", key=bytes(32)), portal)
    await by_hand.receive(by_hand.contract_changed(adapter="manual"))
    await _break(office, portal)
    told = [
        [data["outage_id"] for name, data in await each.told() if name == "portal-unreachable"]
        for each in (office, other)
    ]
    assert len(told[0]) == 1
    assert told[0] == told[1]
    assert await by_hand.told() == []


async def test_a_probe_whose_process_died_is_followed_by_another_one(
    office: Office, portal: CountingPortal, second_database: Database, clock: FrozenClock
) -> None:
    class PulledPlugError(BaseException):
        """The process ended here."""

    async def die(access: PortalAccess, *_: Any, **__: Any) -> SendOutcome:
        raise PulledPlugError

    await _break(office, portal)
    clock.advance(A_WHILE)
    living, portal.send_order = portal.send_order, die  # type: ignore[method-assign]
    with pytest.raises(PulledPlugError):
        await office.ticks.send_orders()
    portal.send_order = living  # type: ignore[method-assign]
    portal.unavailable = 0
    other = office.another_process(second_database)
    await other.send_orders()
    assert portal.calls == FAILURES_MAX, "the probe may still be under way"
    clock.advance(office.workshop.policy.lease)
    await other.send_orders()
    assert portal.calls > FAILURES_MAX


async def test_a_doubt_is_neither_sent_nor_failed_by_an_outage(
    office: Office, portal: CountingPortal, clock: FrozenClock
) -> None:
    await office.open()
    portal.dropped_requests = 1
    order_id = await office.order()
    await office.ticks.send_orders()
    await _break(office, portal)
    for _ in range(3):
        await office.ticks.ask_about_orders()
        assert await office.state(order_id) == ("unknown", "connection-lost")
    portal.unavailable = 0
    clock.advance(A_WHILE)
    await office.ticks.ask_about_orders()
    assert (await office.state(order_id))[0] == "intended", "the portal said that it has nothing"


async def test_the_api_says_which_portals_can_be_reached(
    office: Office, portal: CountingPortal, api: ApiClient, clock: FrozenClock
) -> None:
    await office.open()
    path = f"/v1/practices/{office.practice_id}/portals"
    _, before = await api.as_user().get(path)
    assert [(each["adapter"], each["scope"], each["state"]) for each in before["portals"]] == [
        ("http", "portal", "reachable"),
        ("http", "account", "reachable"),
    ]
    await _break(office, portal)
    _, after = await api.as_user().get(path)
    state = after["portals"][0]
    assert (state["state"], state["reason_code"]) == ("unreachable", "portal-unavailable")
    assert state["words"] == (
        "It is left alone for a while. The portal is not available for the moment."
    )
    assert state["next_call_at"] > clock.now().isoformat()[:19]


async def test_missing_deb_files_are_listed_until_and_after_they_show_up(
    office: Office, portal: CountingPortal, api: ApiClient, clock: FrozenClock
) -> None:
    await office.open()
    await office.order()
    await office.ticks.send_orders()
    for number in (1, 2, 3):
        portal.offer_deb_file("CMD-4711", f"rows {number}".encode(), file_id=f"f{number}")
    hidden = portal.deb_files["CMD-4711"].pop(1)
    for _ in range(2):
        await office.ticks.fetch_deb_files()
        clock.advance(timedelta(hours=1))
    path = f"/v1/practices/{office.practice_id}/missing-deb-files"
    _, found = await api.as_user().get(f"{path}?resolved=false")
    [missing] = found["items"]
    assert (missing["first_number"], missing["last_number"], missing["seen_number"]) == (2, 2, 3)
    told = [data for name, data in await office.told() if name == "deb-file-missing"]
    assert [data["gap_id"] for data in told] == [missing["gap_id"]]
    assert (await gateway_gauges(office.database)())["deb_gaps_open"] == 1.0
    portal.deb_files["CMD-4711"].insert(1, hidden)
    await office.ticks.fetch_deb_files()
    _, found = await api.as_user().get(f"{path}?resolved=false")
    assert found["items"] == []
    _, found = await api.as_user().get(f"{path}?resolved=true")
    assert [each["gap_id"] for each in found["items"]] == [missing["gap_id"]]
    told = [data for name, data in await office.told() if name == "deb-file-gap-closed"]
    assert [data["gap_id"] for data in told] == [missing["gap_id"]]


async def test_an_overdue_order_is_asked_about_less_often_and_says_so(
    office: Office, portal: CountingPortal, api: ApiClient, clock: FrozenClock
) -> None:
    await office.open()
    event = await office.prepare()
    await office.receive(event)
    await office.ticks.send_orders()
    overdue = OrderOverdue(
        practice_id=office.practice_id,
        order_id=event.order_id,
        order_number=event.order_number,
        contract_id=office.contract_id,
        state="sent",
        attempt=1,
        sent_at=clock.now(),
        deadline=clock.now(),
        days_late=0,
        invoice_count=event.invoice_count,
        total=event.total,
        noted_at=clock.now(),
    )
    await office.receive(overdue)
    clock.advance(ARRIVAL_CHECK_AFTER)
    await office.ticks.ask_about_orders()
    path = f"/v1/practices/{office.practice_id}/transmissions/{event.order_id}"
    _, shown = await api.as_user().get(path)
    assert (shown["overdue"], shown["polls"]) == (True, 1)
    clock.advance(timedelta(seconds=PortalTerms().arrival_poll_interval_seconds))
    assert await office.ticks.ask_about_orders() == 0
    clock.advance(timedelta(seconds=3 * PortalTerms().arrival_poll_interval_seconds))
    assert await office.ticks.ask_about_orders() == 1
    portal.let_everything_arrive()
    clock.advance(timedelta(hours=1))
    await office.ticks.ask_about_orders()
    _, shown = await api.as_user().get(path)
    assert (shown["overdue"], shown["state"]) == (False, "arrived")


async def test_an_account_circuit_is_seen_by_its_own_practice_only(
    office: Office, database: Database
) -> None:
    async with office.workshop.units.begin(office.practice_id) as uow:
        await uow.circuits.save(
            await uow.circuits.lock(PortalAddress("http", "p:1"), office.practice_id)
        )
    query = "SELECT practice_id FROM account_circuit"
    assert len(await office.rows(query)) == 1
    assert await office.rows(query, Scope.of(uuid4())) == []
