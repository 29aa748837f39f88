"""Overdue orders on PostgreSQL: one event, shown and filtered, gone with the arrival."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from services.orders.bootstrap import MIGRATIONS
from services.orders.entrypoints.figures import order_gauges
from shared.db.engine import Database
from shared.db.migrations import migrate
from tests.integration.orders.house import House
from tests.support.servers import ServiceDatabaseFactory
from tests.support.web import ApiClient

ONE_DAY = timedelta(days=1)
# The test's clock stands at Monday 2 March 2026, 09:00 Swiss time.


@pytest.fixture
async def database(service_database: ServiceDatabaseFactory) -> AsyncIterator[Database]:
    """A database of this test alone: the timer looks at the orders of all practices."""
    urls = service_database("orders")
    await migrate(urls.owner_url, MIGRATIONS)
    database = Database(urls.url)
    yield database
    await database.close()


async def a_sent_order(house: House, api: ApiClient) -> dict[str, Any]:
    """Prepare an order of one invoice, and let the portal take it."""
    await house.open()
    await house.issue("2026-000001")
    _, order = await api.as_user().post(
        f"{house.path}/orders", {"contract_id": str(house.contract_id)}
    )
    await house.receive(house.order_sent(order))
    return dict(order)


async def the_order(house: House, api: ApiClient, order: dict[str, Any]) -> dict[str, Any]:
    """The order's reply."""
    status, found = await api.as_user().get(f"{house.path}/orders/{order['order_id']}")
    assert status == 200
    return dict(found)


async def overdue_events(house: House) -> list[dict[str, Any]]:
    """The events that were told."""
    return [told for told in await house.told() if told["type"] == "order-overdue"]


async def test_an_order_past_its_deadline_is_told_once_and_shown_until_it_arrives(
    house: House, api: ApiClient
) -> None:
    order = await a_sent_order(house, api)
    assert await house.ticks.watch_arrivals() == 1
    shown = await the_order(house, api, order)
    assert (shown["overdue"], shown["arrival_deadline"]) == (False, "2026-03-03T08:00:00Z")
    house.clock.advance(ONE_DAY - timedelta(seconds=1))
    assert await house.ticks.watch_arrivals() == 0
    house.clock.advance(timedelta(seconds=1))
    assert await house.ticks.watch_arrivals() == 1
    assert await house.ticks.watch_arrivals() == 0
    [event] = await overdue_events(house)
    assert event["order_id"] == order["order_id"]
    assert event["deadline"] == "2026-03-03T08:00:00Z"
    assert (event["invoice_count"], event["total"]["amount"]) == (1, "120.00")
    shown = await the_order(house, api, order)
    assert (shown["state"], shown["overdue"]) == ("sent", True)
    assert shown["timeline"][-1]["text"] == (
        "Overdue since 03.03.2026 09:00: it should have arrived by then."
    )
    figures = order_gauges(house.database)
    assert await figures() == {"orders_overdue": 1.0}
    await house.receive(await house.order_arrived(order, {"2026-000001": None}))
    shown = await the_order(house, api, order)
    assert (shown["overdue"], shown["arrival_deadline"]) == (False, None)
    assert await figures() == {"orders_overdue": 0.0}


async def test_overdue_orders_are_listed_by_themselves(house: House, api: ApiClient) -> None:
    late = await a_sent_order(house, api)
    house.clock.advance(ONE_DAY)
    await house.ticks.watch_arrivals()
    other_contract = uuid4()
    await house.receive(house.contract_changed(contract_id=other_contract))
    await house.issue("2026-000002", contract_id=other_contract)
    _, fresh = await api.as_user().post(
        f"{house.path}/orders", {"contract_id": str(other_contract)}
    )
    for wanted, expected in (("true", late), ("false", fresh)):
        _, found = await api.as_user().get(f"{house.path}/orders?overdue={wanted}")
        assert [each["order_id"] for each in found["items"]] == [expected["order_id"]]
    _, every = await api.as_user().get(f"{house.path}/orders")
    assert len(every["items"]) == 2


async def test_two_processes_tell_an_overdue_order_once(house: House, api: ApiClient) -> None:
    await a_sent_order(house, api)
    house.clock.advance(ONE_DAY)
    await asyncio.gather(*(house.ticks.watch_arrivals() for _ in range(4)))
    assert len(await overdue_events(house)) == 1


async def test_a_contract_that_gives_more_time_moves_the_deadline(
    house: House, api: ApiClient
) -> None:
    order = await a_sent_order(house, api)
    await house.ticks.watch_arrivals()
    await house.receive(house.contract_changed(version=2, working_days=3))
    house.clock.advance(2 * ONE_DAY)
    await house.ticks.watch_arrivals()
    assert await overdue_events(house) == []
    assert (await the_order(house, api, order))["arrival_deadline"] == "2026-03-05T08:00:00Z"
    house.clock.advance(ONE_DAY)
    await house.ticks.watch_arrivals()
    assert len(await overdue_events(house)) == 1


async def test_a_contract_that_gives_less_time_is_heeded_at_once(
    house: House, api: ApiClient
) -> None:
    await a_sent_order(house, api)
    await house.receive(house.contract_changed(version=2, working_days=3))
    await house.ticks.watch_arrivals()
    await house.receive(house.contract_changed(version=3, working_days=1))
    house.clock.advance(ONE_DAY)
    await house.ticks.watch_arrivals()
    assert len(await overdue_events(house)) == 1


async def test_a_holiday_of_the_practices_canton_gives_a_day_more(
    house: House, api: ApiClient
) -> None:
    order = await a_sent_order(house, api)
    house.holidays.days = {((house.clock.now() + ONE_DAY).date(), "VD")}
    await house.ticks.watch_arrivals()
    assert (await the_order(house, api, order))["arrival_deadline"] == "2026-03-04T08:00:00Z"


async def test_a_doubt_is_overdue_too_and_a_new_sending_has_a_clock_of_its_own(
    house: House, api: ApiClient
) -> None:
    await house.open()
    await house.issue("2026-000001")
    _, order = await api.as_user().post(
        f"{house.path}/orders", {"contract_id": str(house.contract_id)}
    )
    await house.receive(house.order_send_failed(order, "unknown"))
    house.clock.advance(ONE_DAY)
    await house.ticks.watch_arrivals()
    [first] = await overdue_events(house)
    assert (first["state"], first["attempt"]) == ("unknown", 1)
    await house.receive(house.order_send_failed(order, "not-sent"))
    assert not (await the_order(house, api, order))["overdue"]
    await house.receive(house.order_sent(order, attempt=2))
    house.clock.advance(ONE_DAY - timedelta(seconds=1))
    await house.ticks.watch_arrivals()
    assert len(await overdue_events(house)) == 1
    house.clock.advance(timedelta(seconds=1))
    await house.ticks.watch_arrivals()
    assert [event["attempt"] for event in await overdue_events(house)] == [1, 2]


@pytest.mark.parametrize("how", ["refused", "confirmed by a person"])
async def test_the_flag_goes_with_whatever_ends_the_waiting(
    house: House, api: ApiClient, how: str
) -> None:
    order = await a_sent_order(house, api)
    house.clock.advance(ONE_DAY)
    await house.ticks.watch_arrivals()
    if how == "refused":
        await house.receive(house.order_refused(order))
    else:
        body = {
            "observed_at": house.clock.now().isoformat(),
            "reference": "DBD-1",
            "seen": "on the site",
        }
        path = f"{house.path}/orders/{order['order_id']}/confirm-arrival"
        status, answer = await api.as_user().post(path, body)
        assert status == 200, answer
    assert not (await the_order(house, api, order))["overdue"]
    assert await house.ticks.watch_arrivals() == 0


async def test_an_order_on_its_way_since_before_the_clock_is_watched_too(
    house: House, api: ApiClient
) -> None:
    await a_sent_order(house, api)
    [row] = await house.rows("SELECT arrival_deadline FROM orders")
    assert row.arrival_deadline is None
    house.clock.advance(7 * ONE_DAY)
    await house.ticks.watch_arrivals()
    assert [event["days_late"] for event in await overdue_events(house)] == [6]
