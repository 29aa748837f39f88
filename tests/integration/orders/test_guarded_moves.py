"""A move that names what its caller read is made on that, or not at all."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import text

from shared.db.scope import Scope
from tests.integration.orders.house import House
from tests.integration.orders.test_gate import someone_waits_for_a_lock
from tests.support.audit import told
from tests.support.waiting import eventually
from tests.support.web import ApiAnswer, ApiClient

BODY = {"handed_over_by_hand": False}


def path_of(house: House, order: dict[str, Any]) -> str:
    """Return the address of an order."""
    return f"{house.path}/orders/{order['order_id']}"


async def etag_of(api: ApiClient, path: str) -> str:
    """Return the ETag of what is shown."""
    return (await api.request("GET", path)).headers["ETag"]


async def withdraw(api: ApiClient, path: str, etag: str, *, key: str | None = None) -> ApiAnswer:
    """Ask for an order back, as it was read."""
    headers = {"If-Match": etag}
    return await api.request("POST", f"{path}/withdraw", body=BODY, headers=headers, key=key)


async def change_it(house: House, order: dict[str, Any]) -> None:
    """Change what is shown of an order, as another request would."""
    changing = "UPDATE orders SET state_since = '2030-01-01' WHERE order_id = :order_id"
    await house.rows(changing, order_id=order["order_id"])


async def test_an_order_is_moved_as_it_was_read(house: House, api: ApiClient) -> None:
    path = path_of(house, await house.ordered(api, "A-1"))
    etag = await etag_of(api, path)
    assert etag == await etag_of(api, path)
    assert (await withdraw(api, path, etag)).status == 202
    assert etag != await etag_of(api, path)


@pytest.mark.parametrize("given", ["{}", '"other", {}', "*"])
async def test_one_of_several_etags_is_enough(house: House, api: ApiClient, given: str) -> None:
    path = path_of(house, await house.ordered(api, "A-1"))
    answer = await withdraw(api, path, given.format(await etag_of(api, path)))
    assert answer.status == 202


@pytest.mark.parametrize("given", ["{}", "W/{}", '"other"', "garbage", "{},{}"])
async def test_an_order_that_was_changed_since_is_not_moved(
    house: House, api: ApiClient, given: str
) -> None:
    order = await house.ordered(api, "A-1")
    path = path_of(house, order)
    etag = await etag_of(api, path)
    await change_it(house, order)
    answer = await withdraw(api, path, given.format(etag, etag))
    assert (answer.status, answer.code) == (412, "changed-meanwhile")
    _, shown = await api.get(path)
    assert shown["withdrawal_pending"] is False
    assert (await withdraw(api, path, await etag_of(api, path))).status == 202
    lines = await told(house.database, house.practice_id, "withdrawOrder")
    assert ("withdrawOrder", {"asked_back": False}, {"asked_back": True}) in lines


async def test_a_repeat_gets_its_answer_though_the_order_is_another_by_now(
    house: House, api: ApiClient
) -> None:
    path = path_of(house, await house.ordered(api, "A-1"))
    etag = await etag_of(api, path)
    first = await withdraw(api, path, etag, key="the-same-key")
    again = await withdraw(api, path, etag, key="the-same-key")
    assert (first.status, again.status) == (202, 202)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.json == first.json
    assert (await withdraw(api, path, etag)).status == 412


async def test_who_names_nothing_moves_the_order_as_it_stands(house: House, api: ApiClient) -> None:
    order = await house.ordered(api, "A-1")
    await change_it(house, order)
    assert (await api.post(f"{path_of(house, order)}/withdraw", BODY))[0] == 202


async def test_an_order_that_is_not_there_is_not_found(house: House, api: ApiClient) -> None:
    await house.open()
    path = path_of(house, {"order_id": house.contract_id})
    answer = await withdraw(api, path, '"any"')
    assert (answer.status, answer.code) == (404, "order-not-found")


async def test_a_change_that_is_under_way_is_waited_for_and_seen(
    house: House, api: ApiClient
) -> None:
    order = await house.ordered(api, "A-1")
    path = path_of(house, order)
    etag = await etag_of(api, path)
    async with house.database.transaction(Scope.of(house.practice_id)) as connection:
        changing = text("UPDATE orders SET state_since = '2030-01-01' WHERE order_id = :order_id")
        await connection.execute(changing, {"order_id": order["order_id"]})
        moving = asyncio.create_task(withdraw(api, path, etag))
        await eventually(lambda: someone_waits_for_a_lock(house), because="the move waits")
    assert (await moving).status == 412
