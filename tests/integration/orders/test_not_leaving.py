"""Orders that do not leave, on PostgreSQL: told at once or in time, and over when they move on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from services.orders.bootstrap import MIGRATIONS
from shared.contracts.debident.v1 import OrderHeld
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


async def a_prepared_order(house: House, api: ApiClient) -> dict[str, Any]:
    """Prepare an order of one invoice."""
    await house.open()
    await house.issue("2026-000001")
    _, order = await api.as_user().post(
        f"{house.path}/orders", {"contract_id": str(house.contract_id)}
    )
    return dict(order)


def held(house: House, order: dict[str, Any], reason: str, *, attempt: int = 0) -> OrderHeld:
    """The gateway waits for a person."""
    return OrderHeld(
        practice_id=house.practice_id,
        order_id=order["order_id"],
        contract_id=house.contract_id,
        attempt=attempt,
        reason_code=reason,
        held_at=house.clock.now(),
    )


async def told(house: House) -> list[tuple[Any, ...]]:
    """What was told of leaving: the reason, or the state in which it moved on; and the round."""
    said = []
    for event in await house.told():
        if event["type"] == "order-not-leaving":
            said.append((event["reason_code"], event["round"]))
        if event["type"] == "order-moved-on":
            said.append((event["state"], event["round"]))
    return said


async def test_an_order_that_nobody_sends_is_told_once_in_time_and_is_over_when_it_leaves(
    house: House, api: ApiClient
) -> None:
    order = await a_prepared_order(house, api)
    assert await house.ticks.watch_leavings() == 1
    house.clock.advance(ONE_DAY - timedelta(seconds=1))
    assert await house.ticks.watch_leavings() == 0
    house.clock.advance(timedelta(seconds=1))
    await asyncio.gather(*(house.ticks.watch_leavings() for _ in range(4)))
    assert await told(house) == [("not-sent-in-time", 1)]
    [event] = [one for one in await house.told() if one["type"] == "order-not-leaving"]
    assert (event["since"], event["invoice_count"]) == ("2026-03-02T08:00:00Z", 1)
    assert (event["total"]["amount"], event["may_have_left"]) == ("120.00", False)
    await house.receive(house.order_sent(order))
    assert await house.ticks.watch_leavings() == 1
    assert await house.ticks.watch_leavings() == 0
    assert await told(house) == [("not-sent-in-time", 1), ("sent", 1)]


async def test_an_order_prepared_on_a_friday_has_time_until_monday(
    house: House, api: ApiClient
) -> None:
    house.clock.advance(4 * ONE_DAY)
    await a_prepared_order(house, api)
    house.clock.advance(3 * ONE_DAY - timedelta(seconds=1))
    await house.ticks.watch_leavings()
    assert await told(house) == []
    house.clock.advance(timedelta(seconds=1))
    await house.ticks.watch_leavings()
    assert await told(house) == [("not-sent-in-time", 1)]


async def test_what_the_gateway_holds_is_told_at_once_and_again_for_another_reason(
    house: House, api: ApiClient
) -> None:
    order = await a_prepared_order(house, api)
    for reason in ("portal-credentials-missing", "portal-credentials-missing", "package-damaged"):
        await house.receive(held(house, order, reason))
    assert await told(house) == [("portal-credentials-missing", 1), ("package-damaged", 2)]
    house.clock.advance(5 * ONE_DAY)
    assert await house.ticks.watch_leavings() == 0


async def test_an_order_that_goes_by_hand_has_its_time_first(house: House, api: ApiClient) -> None:
    order = await a_prepared_order(house, api)
    await house.receive(held(house, order, "contract-uses-manual"))
    await house.ticks.watch_leavings()
    assert await told(house) == []
    house.clock.advance(ONE_DAY)
    await house.ticks.watch_leavings()
    assert await told(house) == [("contract-uses-manual", 1)]


async def test_the_clock_names_the_latest_failure(house: House, api: ApiClient) -> None:
    order = await a_prepared_order(house, api)
    await house.receive(house.order_send_failed(order, "not-sent"))
    house.clock.advance(ONE_DAY)
    await house.ticks.watch_leavings()
    assert await told(house) == [("timeout", 1)]


async def test_a_withdrawn_order_does_not_wait_any_longer(house: House, api: ApiClient) -> None:
    order = await a_prepared_order(house, api)
    await house.receive(held(house, order, "package-damaged"))
    status, _ = await api.as_user().post(
        f"{house.path}/orders/{order['order_id']}/withdraw", {"handed_over_by_hand": False}
    )
    assert status in {200, 202}
    assert await house.ticks.watch_leavings() == 0
    await house.receive(house.order_withheld(order))
    await house.ticks.watch_leavings()
    assert await told(house) == [("package-damaged", 1), ("withdrawn", 1)]


async def test_after_a_doubt_the_time_begins_anew_and_withdrawing_is_out_of_the_question(
    house: House, api: ApiClient
) -> None:
    order = await a_prepared_order(house, api)
    await house.receive(held(house, order, "portal-refused-file"))
    await house.receive(house.order_send_failed(order, "unknown"))
    await house.ticks.watch_leavings()
    house.clock.advance(ONE_DAY)
    await house.receive(house.order_send_failed(order, "not-sent"))
    await house.ticks.watch_leavings()
    assert await told(house) == [("portal-refused-file", 1), ("unknown", 1)]
    house.clock.advance(ONE_DAY)
    await house.ticks.watch_leavings()
    assert (await told(house))[-1] == ("timeout", 2)
    event = [one for one in await house.told() if one["type"] == "order-not-leaving"][-1]
    assert (event["may_have_left"], event["since"]) == (True, "2026-03-03T08:00:00Z")


async def test_an_order_that_the_portal_lost_waits_until_it_is_sent_again(
    house: House, api: ApiClient
) -> None:
    order = await a_prepared_order(house, api)
    await house.receive(house.order_sent(order))
    await house.receive(held(house, order, "portal-lost-the-order", attempt=1))
    assert await house.ticks.watch_leavings() == 0
    assert await told(house) == [("portal-lost-the-order", 1)]
    await house.receive(house.order_sent(order, attempt=2))
    await house.ticks.watch_leavings()
    assert await told(house) == [("portal-lost-the-order", 1), ("sent", 1)]


async def test_what_is_held_no_more_or_was_sent_meanwhile_is_not_told(
    house: House, api: ApiClient
) -> None:
    order = await a_prepared_order(house, api)
    late = held(house, order, "portal-credentials-missing")
    await house.receive(house.order_sent(order))
    await house.receive(late)
    assert await told(house) == []


async def test_a_contract_that_gives_more_time_moves_the_deadline(
    house: House, api: ApiClient
) -> None:
    await a_prepared_order(house, api)
    await house.ticks.watch_leavings()
    await house.receive(house.contract_changed(version=2, working_days=3))
    house.clock.advance(2 * ONE_DAY)
    await house.ticks.watch_leavings()
    assert await told(house) == []
    house.clock.advance(ONE_DAY)
    await house.ticks.watch_leavings()
    assert await told(house) == [("not-sent-in-time", 1)]
