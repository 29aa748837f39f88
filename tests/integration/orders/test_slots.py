"""A slot of a schedule that meets an order in flight waits for it, but not beyond its Swiss day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.integration.orders.house import House
from tests.support.web import ApiClient

# The only slot of the week; the Swiss day of the 2nd of March ends at 23:00 UTC.
MONDAYS = {"weekdays": [1], "times": ["18:00"]}
SLOT = datetime(2026, 3, 2, 17, 0, tzinfo=UTC)
END_OF_DAY = datetime(2026, 3, 2, 23, 0, tzinfo=UTC)


def _path(house: House) -> str:
    return f"{house.path}/contracts/{house.contract_id}/order-policy"


async def _the_slot_meets_an_order(house: House, api: ApiClient) -> dict[str, Any]:
    """Let the slot come while an order is in flight; return that order."""
    order = await house.ordered(api, "A-1")
    await house.issue("A-2")
    headers = {"If-None-Match": "*"}
    assert (await api.request("PUT", _path(house), body=MONDAYS, headers=headers)).status == 200
    house.clock.move_to(SLOT)
    await house.ticks.run_policies()
    await house.ticks.work_tasks()
    return order


async def _run(house: House, api: ApiClient) -> dict[str, Any]:
    _, policy = await api.as_user().get(_path(house))
    [run] = policy["latest_runs"]
    return dict(run)


async def _arrives(house: House, order: dict[str, Any]) -> None:
    await house.receive(await house.order_arrived(order, {"A-1": None}))


async def test_it_is_prepared_as_soon_as_the_order_has_arrived(
    house: House, api: ApiClient
) -> None:
    order = await _the_slot_meets_an_order(house, api)
    waiting = await _run(house, api)
    assert (waiting["status"], waiting["code"]) == ("waiting", "order-in-flight")
    assert (waiting["order_number"], waiting["settled_at"]) == ("CMD-2026-0001", None)
    await _arrives(house, order)
    await house.ticks.work_tasks()
    assert (await _run(house, api))["status"] == "waiting", "it is not tried at every tick"
    house.clock.advance(timedelta(minutes=10))
    await house.ticks.work_tasks()
    run = await _run(house, api)
    assert (run["status"], run["order_number"]) == ("prepared", "CMD-2026-0002")
    assert (run["code"], run["detail"]) == (None, None)


async def test_it_waits_however_often_it_is_tried_and_is_settled_when_its_day_is_over(
    house: House, api: ApiClient
) -> None:
    order = await _the_slot_meets_an_order(house, api)
    while house.clock.now() < END_OF_DAY - timedelta(minutes=10):
        house.clock.advance(timedelta(minutes=10))
        await house.ticks.work_tasks()
        assert (await _run(house, api))["status"] == "waiting"
    await _arrives(house, order)
    house.clock.move_to(END_OF_DAY)
    await house.ticks.work_tasks()
    run = await _run(house, api)
    assert (run["status"], run["code"]) == ("in-flight", "order-in-flight")
    assert (run["order_number"], run["settled_at"]) == ("CMD-2026-0001", "2026-03-02T23:00:00Z")
    assert "waiting to leave" in run["detail"]
    assert len(await house.rows("SELECT 1 FROM orders")) == 1


@pytest.mark.parametrize("how", ["removed", "switched off"])
async def test_nothing_is_prepared_of_a_policy_that_a_person_ended_meanwhile(
    house: House, api: ApiClient, how: str
) -> None:
    order = await _the_slot_meets_an_order(house, api)
    verb, body = ("DELETE", None) if how == "removed" else ("PUT", {**MONDAYS, "enabled": False})
    answer = await api.as_user().request(verb, _path(house), body=body, headers={"If-Match": '"1"'})
    assert answer.status in {200, 204}
    await _arrives(house, order)
    house.clock.advance(timedelta(minutes=10))
    await house.ticks.work_tasks()
    [task] = await house.rows("SELECT status, settled_at FROM prepare_task")
    assert (task.status, task.settled_at) == ("in-flight", SLOT)
    assert len(await house.rows("SELECT 1 FROM orders")) == 1
