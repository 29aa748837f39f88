"""An order that is taken back for one invoice: the others go into an order of their own."""

from __future__ import annotations

from typing import Any

from tests.integration.orders.house import House
from tests.integration.orders.test_corrections import cancelled, invoice_id_of, wished
from tests.support.web import ApiClient

DISPUTE = {"code": "dispute", "text": "Exemple"}
DO_NOT_REMIND = {"code": "do-not-remind"}


async def orders_of(house: House, api: ApiClient) -> list[dict[str, Any]]:
    """Return all orders, the newest first."""
    _, page = await api.get(f"{house.path}/orders")
    return list(page["items"])


async def numbers_in(house: House, order: dict[str, Any]) -> list[tuple[str, list[Any]]]:
    """Return number and reasons of each invoice of an order."""
    rows = await house.rows(
        "SELECT invoice_number, notices FROM order_line WHERE order_id = :order_id ORDER BY place",
        order_id=order["order_id"],
    )
    return [(row.invoice_number, row.notices) for row in rows]


async def an_order(house: House, api: ApiClient, *numbers: str) -> dict[str, Any]:
    """Return an order of these invoices only, with reasons of the whole and of the last one."""
    await house.open()
    for number in (*numbers, "Z-9"):
        await house.issue(number)
    ids = [str(await invoice_id_of(house, number)) for number in numbers]
    status, order = await api.post(
        f"{house.path}/orders",
        {
            "contract_id": str(house.contract_id),
            "invoice_ids": ids,
            "communication": "Merci de rappeler",
            "notices": [DO_NOT_REMIND],
            "invoice_notices": [{"invoice_id": ids[-1], "notices": [DISPUTE]}],
        },
    )
    assert status == 201, order
    return dict(order)


async def test_the_others_are_ordered_anew_with_what_the_factor_was_to_be_told(
    house: House, api: ApiClient
) -> None:
    order = await an_order(house, api, "N-1", "N-2", "N-3")
    await house.receive(wished(house, await invoice_id_of(house, "N-1"), order["order_id"]))
    await house.ticks.work_tasks()
    assert len(await orders_of(house, api)) == 1
    await house.receive(house.order_withheld(order))
    await house.receive(house.order_withheld(order))
    await house.ticks.work_tasks()
    await house.ticks.work_tasks()
    orders = await orders_of(house, api)
    assert sorted(one["state"] for one in orders) == ["prepared", "withdrawn"]
    (anew,) = [one for one in orders if one["state"] == "prepared"]
    _, shown = await api.get(f"{house.path}/orders/{anew['order_id']}")
    assert (shown["communication"], shown["invoice_count"]) == ("Merci de rappeler", 2)
    (second, plain), (third, told) = await numbers_in(house, anew)
    assert (second, plain, third) == ("N-2", [], "N-3")
    assert [one["code"] for one in told] == ["dispute"]


async def test_an_invoice_that_was_cancelled_meanwhile_is_not_ordered_again(
    house: House, api: ApiClient
) -> None:
    order = await an_order(house, api, "N-1", "N-2", "N-3")
    await house.receive(cancelled(house, await invoice_id_of(house, "N-1")))
    await house.receive(house.order_withheld(order))
    await house.receive(cancelled(house, await invoice_id_of(house, "N-3")))
    await house.ticks.work_tasks()
    (anew,) = [one for one in await orders_of(house, api) if one["state"] == "prepared"]
    assert [number for number, _ in await numbers_in(house, anew)] == ["N-2"]


async def test_of_an_order_of_one_invoice_nothing_is_left(house: House, api: ApiClient) -> None:
    order = await an_order(house, api, "N-1")
    await house.receive(wished(house, await invoice_id_of(house, "N-1"), order["order_id"]))
    await house.receive(house.order_withheld(order))
    assert await house.rows("SELECT * FROM prepare_task") == []


async def test_what_a_person_takes_back_is_not_ordered_by_itself(
    house: House, api: ApiClient
) -> None:
    order = await an_order(house, api, "N-1", "N-2")
    path = f"{house.path}/orders/{order['order_id']}/withdraw"
    status, answer = await api.post(path, {"handed_over_by_hand": False})
    assert status == 202, answer
    await house.receive(wished(house, await invoice_id_of(house, "N-1"), order["order_id"]))
    await house.receive(house.order_withheld(order))
    assert await house.rows("SELECT * FROM prepare_task") == []
