"""What the audit log tells of persons' moves with orders: before and after, each move once."""

from __future__ import annotations

from typing import Any

from shared.web.endpoints import UserRole
from tests.integration.orders.house import House
from tests.support.audit import told
from tests.support.web import ApiClient

MANY = "/v1/orders/prepare-many"


def _path(house: House, order: dict[str, Any], move: str) -> str:
    return f"{house.path}/orders/{order['order_id']}/{move}"


async def test_a_prepared_order_is_told_by_its_number_and_its_sums(
    house: House, api: ApiClient
) -> None:
    order = await house.ordered(api, "A-1", "A-2")
    ((operation, before, after),) = await told(house.database, house.practice_id, "prepareOrder")
    assert (operation, before) == ("prepareOrder", {})
    assert after == {
        "order_id": order["order_id"],
        "order_number": order["order_number"],
        "contract_id": str(house.contract_id),
        "state": "prepared",
        "invoice_count": 2,
        "total": order["total"],
        "credit_note_count": 0,
        "left_out_count": 0,
    }


async def test_an_order_that_is_asked_for_twice_is_told_once(house: House, api: ApiClient) -> None:
    order = await house.ordered(api, "A-1")
    for _ in range(2):
        body = {"handed_over_by_hand": False}
        assert (await api.post(_path(house, order, "withdraw"), body))[0] == 202
    assert await told(house.database, house.practice_id, "withdrawOrder") == [
        ("withdrawOrder", {"asked_back": False}, {"asked_back": True})
    ]


async def test_an_arrival_confirmed_by_hand_and_the_closing_are_told_each_once(
    house: House, api: ApiClient
) -> None:
    order = await house.ordered(api, "A-1", "A-2")
    seen = {
        "observed_at": house.clock.now().isoformat(),
        "reference": "DBD-77",
        "seen": "received; Anna Muster unknown",
        "refusals": [{"invoice_number": "A-2", "refusal_code": "unknown-debtor"}],
    }
    for _ in range(2):
        assert (await api.post(_path(house, order, "confirm-arrival"), seen))[0] == 200
    await house.receive(house.order_acquitted(order, 1, "120.00"))
    for _ in range(2):
        assert (await api.post(_path(house, order, "close")))[0] == 200
    confirmed, closed = await told(
        house.database, house.practice_id, "confirmOrderArrival", "closeOrder"
    )
    _, before, after = confirmed
    assert (before["state"], before["accepted_count"]) == ("prepared", None)
    assert (after["state"], after["accepted_count"], after["refused_count"]) == ("confirmed", 1, 1)
    assert (after["evidence_kind"], after["reference"]) == ("person", "DBD-77")
    assert "Muster" not in str(after), "what was seen stays with the order"
    assert closed == ("closeOrder", {"state": "acquitted"}, {"state": "closed"})


async def test_orders_of_several_practices_are_told_to_each_practice_by_itself(
    house: House, api: ApiClient
) -> None:
    houses = [
        await each.open() for each in (house, House(house.database, house.clock, house.store))
    ]
    office = api.as_user([UserRole.BILLING_OFFICE], [each.practice_id for each in houses])
    answers = [await office.post(MANY, {}, key="once-for-all") for _ in range(2)]
    assert [status for status, _ in answers] == [202, 202]
    for each in houses:
        ((_, before, after),) = await told(each.database, each.practice_id, "prepareManyOrders")
        assert before == {}
        assert after == {
            "batch_id": answers[0][1]["batch_id"],
            "tasks": 1,
            "contract_ids": [str(each.contract_id)],
        }
