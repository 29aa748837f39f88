"""Following an order over the API: its story, its lines, and what becomes of the refused ones."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest

from tests.integration.orders.house import House
from tests.support.web import ApiClient


async def test_an_order_tells_its_story_and_its_lines(house: House, api: ApiClient) -> None:
    await house.open()
    for place in (1, 2, 3):
        await house.issue(f"2026-00000{place}")
    _, order = await api.post(f"{house.path}/orders", {"contract_id": str(house.contract_id)})
    await house.receive(house.order_send_failed(order, "unknown"))
    house.clock.advance(timedelta(minutes=45))
    answers = {"2026-000001": None, "2026-000002": "debtor-unknown", "2026-000003": None}
    await house.receive(await house.order_arrived(order, answers))
    await house.receive(house.order_acquitted(order, 2, "240.00"))
    path = f"{house.path}/orders/{order['order_id']}"
    _, detail = await api.get(path)
    assert (detail["state"], detail["accepted_count"], detail["refused_count"]) == (
        "acquitted",
        2,
        1,
    )
    assert detail["accepted_total"]["amount"] == "240.00"
    assert [(fact["kind"], fact["text"]) for fact in detail["timeline"]] == [
        ("prepared", "Prepared with 3 invoices, CHF 360.00 in total."),
        (
            "unknown",
            (
                "It is not certain whether attempt 1 reached Debident (timeout). Debident is being"
                " asked."
            ),
        ),
        ("arrived", "Arrived: Debident shows it (reference DBD-1)."),
        (
            "confirmed",
            (
                "Confirmed: 2 invoices accepted (CHF 240.00), 1 invoice refused; they may be"
                " ordered again."
            ),
        ),
        ("acquitted", "Every accepted invoice is acquitted in the books."),
    ]
    _, lines = await api.get(f"{path}/lines", limit="2")
    _, rest = await api.get(f"{path}/lines", limit="2", after=lines["next"])
    assert [
        (line["invoice_number"], line["outcome"], line["refusal_code"])
        for line in [*lines["items"], *rest["items"]]
    ] == [
        ("2026-000001", "accepted", None),
        ("2026-000002", "refused", "debtor-unknown"),
        ("2026-000003", "accepted", None),
    ]
    assert rest["next"] is None


async def test_a_refused_order_opens_the_gate(house: House, api: ApiClient) -> None:
    await house.open()
    await house.issue("2026-000001")
    body = {"contract_id": str(house.contract_id)}
    _, order = await api.post(f"{house.path}/orders", body)
    await house.receive(house.order_refused(order))
    status, again = await api.post(f"{house.path}/orders", body)
    assert (status, again["invoice_count"]) == (201, 1)
    _, detail = await api.get(f"{house.path}/orders/{order['order_id']}")
    assert detail["state"] == "refused"


async def test_orders_are_listed_newest_first_by_state_and_contract(
    house: House, api: ApiClient
) -> None:
    await house.open()
    numbers = []
    for place in range(3):
        house.clock.advance(timedelta(seconds=1))
        await house.issue(f"2026-00000{place}")
        body = {"contract_id": str(house.contract_id)}
        _, order = await api.post(f"{house.path}/orders", body)
        numbers.append(order["order_number"])
        if place < 2:
            await house.receive(await house.order_arrived(order, {f"2026-00000{place}": None}))
    path = f"{house.path}/orders"
    _, first = await api.get(path, limit="2")
    _, second = await api.get(path, limit="2", after=first["next"])
    listed = [each["order_number"] for each in [*first["items"], *second["items"]]]
    assert listed == numbers[::-1]
    _, confirmed = await api.get(path, state="confirmed", contract_id=str(house.contract_id))
    assert [each["order_number"] for each in confirmed["items"]] == numbers[1::-1]
    assert (await api.get(path, contract_id=str(uuid4())))[1]["items"] == []
    _, either = await api.get(path, state=["confirmed", "prepared"], totals="exact")
    assert [each["order_number"] for each in either["items"]] == numbers[::-1]
    assert either["totals"]["count"] == 3
    _, neither = await api.get(path, state=["acquitted", "closed"])
    assert (neither["items"], neither["totals"]["count"]) == ([], 0)
    assert (await api.get(path, state=["confirmed", "lost"]))[0] == 422


@pytest.mark.parametrize("part", ["", "/lines", "/package"])
async def test_an_order_of_another_practice_does_not_exist(
    house: House, api: ApiClient, part: str
) -> None:
    await house.open()
    await house.issue("2026-000001")
    _, order = await api.post(f"{house.path}/orders", {"contract_id": str(house.contract_id)})
    status, problem = await api.get(f"/v1/practices/{uuid4()}/orders/{order['order_id']}{part}")
    assert (status, problem["code"]) == (404, "order-not-found")
