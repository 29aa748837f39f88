"""The list of credit notes: those that wait, are in an order, or are settled; and lists' totals."""

from __future__ import annotations

from typing import Any

from tests.integration.orders.house import House
from tests.integration.orders.test_credit_notes import arrive, credit, handed_over, order
from tests.support.web import ApiClient


async def listed(house: House, api: ApiClient, **query: str) -> tuple[list[str], dict[str, Any]]:
    """Return the numbers and states of a list of credit notes, and its totals."""
    status, page = await api.get(f"{house.path}/credit-notes", **query)
    assert status == 200, page
    items = [f"{one['credit_note_number']} {one['state']}" for one in page["items"]]
    return items, page["totals"]


async def test_a_credit_note_waits_is_in_an_order_and_is_settled(
    house: House, api: ApiClient
) -> None:
    invoice_id = await handed_over(house, api)
    await credit(house, invoice_id, "CN-1")
    assert (await listed(house, api))[0] == ["CN-1 waiting"]
    second = await order(house, api, "B-1")
    await credit(house, invoice_id, "CN-2")
    assert (await listed(house, api))[0] == ["CN-1 in-order", "CN-2 waiting"]
    await arrive(house, second, "B-1")
    items, totals = await listed(house, api)
    assert items == ["CN-1 settled", "CN-2 waiting"]
    assert totals == {
        "count": 2,
        "exact": True,
        "amount": {"amount": "40.00", "currency": "CHF"},
    }
    for query, expected in (
        ({"state": "waiting"}, ["CN-2 waiting"]),
        ({"state": "settled"}, ["CN-1 settled"]),
        ({"state": "in-order"}, []),
        ({"order_id": second["order_id"]}, ["CN-1 settled"]),
        ({"invoice_id": str(invoice_id)}, items),
        ({"contract_id": second["order_id"]}, []),
    ):
        found, sums = await listed(house, api, **query)
        assert (found, sums["count"]) == (expected, len(expected)), query


async def test_a_credit_note_of_a_withdrawn_order_waits_again(house: House, api: ApiClient) -> None:
    await credit(house, await handed_over(house, api))
    second = await order(house, api, "B-1")
    path = f"{house.path}/orders/{second['order_id']}/withdraw"
    await api.post(path, {"handed_over_by_hand": False})
    await house.receive(house.order_withheld(second))
    assert (await listed(house, api))[0] == ["CN-1 waiting"]


async def test_credit_notes_are_paged_and_the_first_page_counts_them(
    house: House, api: ApiClient
) -> None:
    invoice_id = await handed_over(house, api)
    for number in ("CN-3", "CN-1", "CN-2"):
        await credit(house, invoice_id, number)
    path = f"{house.path}/credit-notes"
    _, first = await api.get(path, limit="2")
    _, last = await api.get(path, limit="2", after=first["next"])
    pages = [[one["credit_note_number"] for one in page["items"]] for page in (first, last)]
    assert pages == [["CN-1", "CN-2"], ["CN-3"]]
    assert (first["totals"]["count"], last["totals"], last["next"]) == (3, None, None)


async def test_orders_and_their_lines_are_counted_under_their_filter(
    house: House, api: ApiClient
) -> None:
    first = await house.ordered(api, "A-1", "A-2")
    await arrive(house, first, "A-1", "A-2")
    await order(house, api, "B-1")
    _, page = await api.get(f"{house.path}/orders")
    assert (page["totals"]["count"], page["totals"]["total"]["amount"]) == (2, "360.00")
    assert page["totals"]["accepted"]["amount"] == "240.00"
    _, page = await api.get(f"{house.path}/orders", state="prepared")
    assert (page["totals"]["count"], page["totals"]["total"]["amount"]) == (1, "120.00")
    _, page = await api.get(f"{house.path}/orders/{first['order_id']}/lines", limit="1")
    assert (page["totals"]["count"], page["totals"]["amount"]["amount"]) == (2, "240.00")
