"""The lists of orders and of their lines narrow as a person asks: by day, by what became of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.integration.orders.house import House
from tests.support.web import ApiClient


async def _whole(api: ApiClient, path: str, **query: Any) -> tuple[list[dict[str, Any]], Any]:
    """Return all items of a list, two a page, and the totals of its first page."""
    _, page = await api.get(path, limit="2", **query)
    items, totals = list(page["items"]), page["totals"]
    while page["next"] is not None:
        _, page = await api.get(path, limit="2", after=page["next"], **query)
        assert page["totals"] is None
        items += page["items"]
    return items, totals


async def _an_answered_order(house: House, api: ApiClient) -> dict[str, Any]:
    numbers = [f"A-{place}" for place in range(1, 8)]
    order = await house.ordered(api, *numbers)
    answers = {number: "unknown-debtor" if number in {"A-2", "A-5"} else None for number in numbers}
    await house.receive(await house.order_arrived(order, answers))
    return order


@pytest.mark.parametrize(
    ("outcome", "numbers", "amount"),
    [
        (["refused"], ["A-2", "A-5"], "240.00"),
        (["accepted"], ["A-1", "A-3", "A-4", "A-6", "A-7"], "600.00"),
        (["open", "withdrawn"], [], "0.00"),
        (["refused", "accepted"], [f"A-{place}" for place in range(1, 8)], "840.00"),
    ],
)
async def test_lines_are_listed_by_what_became_of_them_with_their_own_totals(
    house: House, api: ApiClient, outcome: list[str], numbers: list[str], amount: str
) -> None:
    order = await _an_answered_order(house, api)
    path = f"{house.path}/orders/{order['order_id']}/lines"
    items, totals = await _whole(api, path, outcome=outcome)
    assert [one["invoice_number"] for one in items] == numbers
    assert (totals["count"], totals["amount"]["amount"]) == (len(numbers), amount)


async def test_a_word_that_is_no_outcome_is_refused(house: House, api: ApiClient) -> None:
    order = await house.ordered(api, "A-1")
    status, _ = await api.get(f"{house.path}/orders/{order['order_id']}/lines", outcome="lost")
    assert status == 422


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ({"prepared_from": "2026-03-10"}, [5, 4, 3]),
        ({"prepared_to": "2026-03-09"}, [2, 1]),
        ({"prepared_from": "2026-03-10", "prepared_to": "2026-03-10"}, [4, 3]),
        ({"prepared_from": "2026-03-12"}, []),
        ({"prepared_to": "9999-12-31"}, [5, 4, 3, 2, 1]),
    ],
)
async def test_orders_are_listed_by_the_swiss_day_of_their_preparation(
    house: House, api: ApiClient, query: dict[str, str], numbers: list[int]
) -> None:
    """The day of the 10th begins and ends at 23:00 UTC."""
    await house.open()
    for day, hour, minute in ((8, 12, 0), (9, 22, 59), (9, 23, 0), (10, 22, 59), (10, 23, 0)):
        house.clock.move_to(datetime(2026, 3, day, hour, minute, tzinfo=UTC))
        api = api.as_user()
        number = f"N-{day}-{hour}-{minute}"
        await house.issue(number)
        wish = {"contract_id": str(house.contract_id)}
        status, order = await api.post(f"{house.path}/orders", wish)
        assert status == 201, order
        await house.receive(await house.order_arrived(order, {number: None}))
    items, totals = await _whole(api, f"{house.path}/orders", **query)
    assert [one["order_number"] for one in items] == [f"CMD-2026-{one:04d}" for one in numbers]
    assert (totals["count"], totals["total"]["amount"]) == (
        len(numbers),
        f"{len(numbers) * 120}.00",
    )
