"""A line on which confirmation and books disagree waits for a person; its order comes to an end."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from shared.db.scope import Scope
from shared.web.endpoints import UserRole
from tests.integration.reconciliation.house import House
from tests.integration.reconciliation.test_corrections import cancelled
from tests.support.deb_builder import DebFile, Row
from tests.support.web import ApiClient

FIRST, SECOND, THIRD = "2026-000001", "2026-000002", "2026-000003"
WHY = "told by telephone"


async def _crossed(house: House, **terms: Any) -> None:
    """Cancel the second of three invoices while an order of all three is under way."""
    await house.open(**terms)
    for number in (FIRST, SECOND, THIRD):
        await house.receive(house.invoice_issued(number, "120.00"))
    await house.receive(cancelled(house, SECOND))
    lines = [(FIRST, "120.00", True), (SECOND, "120.00", True), (THIRD, "119.00", True)]
    await house.receive(await house.order_confirmed(lines))


async def _lines(api: ApiClient, house: House, query: str = "") -> list[Any]:
    status, page = await api.get(f"{house.path}/acquittal-exceptions{query}")
    assert status == 200, page
    return list(page["items"])


async def _settle(
    api: ApiClient, house: House, line: Any, decision: str, reason: str = WHY
) -> tuple[int, Any]:
    path = f"{house.path}/acquittal-exceptions/{line['exception_id']}/decision"
    return await api.post(path, {"decision": decision, "reason": reason})


async def test_lines_that_disagree_are_set_aside_and_the_rest_of_the_order_is_acquitted(
    house: House, api: ApiClient
) -> None:
    await _crossed(house)
    assert await house.position(FIRST) == "D 120.00 P 120.00 *"
    assert await house.position(SECOND) == "D 0.00 P 0.00"
    assert await house.position(THIRD) == "D 120.00 P 0.00"
    (order,) = await house.events("order-acquitted")
    assert (order["invoice_count"], order["total"]["amount"]) == (1, "120.00")
    assert (order["set_aside_count"], order["set_aside_total"]["amount"]) == (2, "239.00")
    assert len(await house.events("invoice-acquitted")) == 1
    found = await _lines(api, house)
    assert [
        (
            line["invoice_number"],
            line["reason_code"],
            line["confirmed"]["amount"],
            line["open_amount"]["amount"],
            line["decision"],
        )
        for line in found
    ] == [
        (SECOND, "invoice-cancelled", "120.00", "0.00", None),
        (THIRD, "confirmed-amount-differs", "119.00", "120.00", None),
    ]
    changed = (await house.events("invoice-position-changed"))[-1]
    assert [one["kind"] for one in changed["changes"]] == ["acquittal_set_aside"]
    await house.assert_books_hold()


async def test_an_order_confirmed_again_sets_nothing_aside_twice(
    house: House, api: ApiClient
) -> None:
    await _crossed(house)
    lines = [(FIRST, "120.00", True), (SECOND, "120.00", True), (THIRD, "119.00", True)]
    await house.receive(await house.order_confirmed(lines))
    assert len(await _lines(api, house)) == 2
    assert len(await house.events("order-acquitted")) == 1


async def test_an_invoice_that_another_order_acquitted_is_set_aside(
    house: House, api: ApiClient
) -> None:
    await house.acquitted_invoices("120.00")
    await house.receive(await house.order_confirmed([(FIRST, "120.00", True)], number="CMD-2"))
    assert await house.position(FIRST) == "D 120.00 P 120.00 *"
    (line,) = await _lines(api, house, f"?order_id={house.order_id('CMD-2')}")
    assert (line["reason_code"], line["order_number"]) == ("invoice-already-acquitted", "CMD-2")
    assert await _lines(api, house, f"?order_id={house.order_id('CMD-2026-0001')}") == []
    status, problem = await _settle(api, house, line, "acquit")
    assert (status, problem["code"]) == (409, "books-disagree-still")
    await house.book(DebFile([Row("R-1", "recourse", FIRST, rappen=12_000)]))
    status, settled = await _settle(api, house, line, "acquit")
    assert (status, settled["decision"]["decision"]) == (200, "acquit")
    assert await house.position(FIRST) == "D 120.00 P 120.00 *"
    acquittals = await house.rows("SELECT order_id, live FROM acquittal ORDER BY live")
    assert [one["order_id"] for one in acquittals] == [
        house.order_id("CMD-2026-0001"),
        house.order_id("CMD-2"),
    ]
    assert len(await house.events("order-acquitted")) == 2
    await house.assert_books_hold()


async def test_a_line_is_not_acquitted_while_the_books_disagree_and_nothing_is_kept_then(
    house: House, api: ApiClient
) -> None:
    await _crossed(house)
    for line in await _lines(api, house):
        status, problem = await _settle(api, house, line, "acquit")
        assert (status, problem["code"]) == (409, "books-disagree-still")
        assert problem["facts"]["reason_code"] == line["reason_code"]
    assert len(await _lines(api, house, "?settled=false")) == 2
    assert await house.position(SECOND) == "D 0.00 P 0.00"


async def test_a_line_that_is_left_leaves_the_queue_once_with_name_and_reason(
    house: House, api: ApiClient
) -> None:
    await _crossed(house)
    line = (await _lines(api, house))[0]
    status, settled = await _settle(api, house, line, "leave")
    assert status == 200
    assert (settled["decision"]["decided_by"], settled["decision"]["reason"]) == ("user-1", WHY)
    assert [one["invoice_number"] for one in await _lines(api, house, "?settled=false")] == [THIRD]
    assert [one["invoice_number"] for one in await _lines(api, house, "?settled=true")] == [SECOND]
    status, problem = await _settle(api, house, line, "leave")
    assert (status, problem["code"]) == (409, "exception-already-settled")
    _, position = await api.get(f"{house.path}/positions/{house.invoice_id(SECOND)}")
    assert (
        position["history"][-1]["note"] == f"invoice-cancelled, left by decision of user-1: {WHY}"
    )
    await house.assert_books_hold()


async def test_under_a_manual_contract_a_person_acquits_what_agrees_and_is_told_of_the_rest(
    house: House, api: ApiClient
) -> None:
    await _crossed(house, acquittal="manual")
    assert await _lines(api, house) == []
    path = f"{house.path}/orders/{house.order_id('CMD-2026-0001')}/acquit"
    _, done = await api.post(path)
    assert (done["invoice_count"], done["set_aside"], done["already"]) == (1, 2, False)
    assert await api.post(path) == (200, done | {"already": True})
    assert len(await _lines(api, house)) == 2


async def test_the_queue_is_paged_by_place(house: House, api: ApiClient) -> None:
    await _crossed(house)
    _, first = await api.get(f"{house.path}/acquittal-exceptions?limit=1")
    assert [one["invoice_number"] for one in first["items"]] == [SECOND]
    _, second = await api.get(f"{house.path}/acquittal-exceptions?limit=1&after={first['next']}")
    assert [one["invoice_number"] for one in second["items"]] == [THIRD]
    assert second["next"] is None


async def test_only_those_who_answer_for_the_books_settle_and_only_what_exists(
    house: House, api: ApiClient
) -> None:
    await _crossed(house)
    line = (await _lines(api, house))[0]
    status, _ = await _settle(api.as_user((UserRole.ASSISTANT,)), house, line, "leave")
    assert status == 403
    status, problem = await _settle(api.as_user(), house, {"exception_id": uuid4()}, "leave")
    assert (status, problem["code"]) == (404, "acquittal-exception-not-found")


@pytest.mark.parametrize("table", ["acquittal_exception", "acquittal_exception_decision"])
async def test_neither_a_line_nor_its_decision_can_be_changed_by_sql(
    house: House, api: ApiClient, table: str
) -> None:
    await _crossed(house)
    await _settle(api, house, (await _lines(api, house))[0], "leave")
    for verb in ("UPDATE {} SET practice_id = practice_id", "DELETE FROM {}"):
        with pytest.raises(DBAPIError, match="permission denied"):
            async with house.database.transaction(Scope.of(house.practice_id)) as connection:
                await connection.execute(text(verb.format(table)))


async def test_a_line_that_the_factor_did_not_accept_cannot_be_set_aside_by_sql(
    house: House,
) -> None:
    await house.open()
    await house.receive(house.invoice_issued(FIRST, "120.00"))
    await house.receive(await house.order_confirmed([(FIRST, "120.00", False)]))
    with pytest.raises(DBAPIError, match="acquittal_exception_confirmation_fk"):
        await house.rows(
            """INSERT INTO acquittal_exception (exception_id, practice_id, order_id, invoice_id,
                 reason_code, confirmed_rappen, open_rappen, found_at)
               VALUES (:id, :practice_id, :order_id, :invoice_id, 'invoice-cancelled', 1, 0, now())
               RETURNING 1""",
            id=uuid4(),
            practice_id=house.practice_id,
            order_id=house.order_id("CMD-2026-0001"),
            invoice_id=house.invoice_id(FIRST),
        )


async def test_rows_of_a_line_that_was_set_aside_wait_and_come_back_with_its_acquittal(
    house: House, api: ApiClient
) -> None:
    await house.acquitted_invoices("120.00")
    await house.receive(await house.order_confirmed([(FIRST, "120.00", True)], number="CMD-2"))
    await house.book(DebFile([Row("R-1", "recourse", FIRST, rappen=12_000)]))
    payment = Row("R-2", "debtor_payment", FIRST, rappen=2_000)
    deb_file_id = await house.book(DebFile([payment], file_id="F-0002", previous="F-0001"))
    assert await house.outcomes(deb_file_id) == ["2 parked not-acquitted"]
    await _settle(api, house, (await _lines(api, house))[0], "acquit")
    await house.work()
    assert await house.outcomes(deb_file_id) == ["2 booked"]
    assert await house.position(FIRST) == "D 100.00 P 120.00 *"
