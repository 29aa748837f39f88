"""The gate and the rule of one live order hold under real concurrency, by constraint."""

from __future__ import annotations

import asyncio
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from services.orders.adapters.order_repository import SqlOrderRepository
from services.orders.domain.errors import (
    InvoiceInLiveOrderError,
    OrderBeingPreparedError,
    OrderInFlightError,
)
from services.orders.domain.model import OrderLine
from services.orders.domain.order import Order
from shared.db.engine import Database, sqlstate
from shared.db.scope import Scope
from shared.kernel.ids import InvoiceId, PracticeId
from shared.kernel.money import Money
from tests.integration.orders.house import House
from tests.support.waiting import eventually
from tests.support.web import ApiClient
from tests.unit.orders.builders import an_order, stored


def _order(house: House, number: str, *, contract_id: UUID | None = None) -> Order:
    return an_order(
        uuid4(),
        practice_id=house.practice_id,
        contract_id=contract_id or house.contract_id,
        number=number,
        invoice_count=1,
        total=Money(12000),
    )


def _line(invoice_id: UUID) -> OrderLine:
    document = stored(b"<invoice/>")
    return OrderLine(1, InvoiceId(invoice_id), "2026-000001", "10001", Money(12000), document)


async def someone_waits_for_a_lock(house: House) -> bool:
    rows = await house.rows(
        "SELECT 1 FROM pg_locks WHERE NOT granted AND database ="
        " (SELECT oid FROM pg_database WHERE datname = current_database())"
        " UNION ALL SELECT 1 FROM pg_locks WHERE NOT granted AND locktype = 'transactionid'"
    )
    return bool(rows)


@pytest.mark.parametrize("callers", [2, 3, 5])
async def test_of_concurrent_orders_exactly_one_passes_and_nothing_is_left_of_the_others(
    house: House, api: ApiClient, callers: int
) -> None:
    await house.open()
    for place in range(20):
        await house.issue(f"2026-{place:06d}")
    body = {"contract_id": str(house.contract_id)}
    answers = await asyncio.gather(
        *(api.post(f"{house.path}/orders", body) for _ in range(callers))
    )
    assert sorted(status for status, _ in answers) == [201] + [409] * (callers - 1)
    [order] = [answer for status, answer in answers if status == 201]
    for status, problem in answers:
        if status == 409:
            assert problem["code"] == "order-in-flight"
            assert problem["facts"]["order_id"] == order["order_id"]
            assert problem["facts"]["order_number"] == "CMD-2026-0001"
    counts = await house.rows(
        "SELECT (SELECT count(*) FROM orders), (SELECT count(*) FROM order_line),"
        " (SELECT count(*) FROM order_fact), (SELECT count(*) FROM outbox),"
        " (SELECT last FROM order_count)"
    )
    assert tuple(counts[0]) == (1, 20, 1, 1, 1)


async def test_orders_of_different_contracts_do_not_hold_each_other_back(
    house: House, api: ApiClient
) -> None:
    await house.open()
    other = uuid4()
    await house.receive(house.contract_changed(contract_id=other))
    await house.issue("2026-000001")
    await house.issue("2026-000002", contract_id=other)
    answers = await asyncio.gather(
        *(
            api.post(f"{house.path}/orders", {"contract_id": str(contract_id)})
            for contract_id in (house.contract_id, other)
        )
    )
    assert [status for status, _ in answers] == [201, 201]
    numbers = sorted(order["order_number"] for _, order in answers)
    assert numbers == ["CMD-2026-0001", "CMD-2026-0002"]


async def _add(
    database: Database, house: House, order: Order, line: OrderLine, *, until: asyncio.Event
) -> None:
    async with database.transaction(Scope.of(house.practice_id)) as connection:
        await SqlOrderRepository(connection).add(order, [line])
        await until.wait()


async def test_the_index_alone_keeps_a_second_order_out_and_names_the_first(
    house: House,
) -> None:
    await house.open()
    line = _line(await house.issue("2026-000001"))
    first, second = _order(house, "CMD-2026-0001"), _order(house, "CMD-2026-0002")
    commit, never_waits = asyncio.Event(), asyncio.Event()
    never_waits.set()
    winner = asyncio.create_task(_add(house.database, house, first, line, until=commit))
    await eventually(lambda: _one_transaction_is_open(house), because="the first order is in")
    loser = asyncio.create_task(_add(house.database, house, second, line, until=never_waits))
    await eventually(lambda: someone_waits_for_a_lock(house), because="the second one waits")
    commit.set()
    await winner
    with pytest.raises(OrderInFlightError) as refused:
        await loser
    assert refused.value.facts["order_number"] == "CMD-2026-0001"
    orders = await house.rows("SELECT order_number FROM orders")
    assert [row.order_number for row in orders] == ["CMD-2026-0001"]


async def _one_transaction_is_open(house: House) -> bool:
    rows = await house.rows(
        "SELECT 1 FROM pg_stat_activity WHERE datname = current_database()"
        " AND state = 'idle in transaction' AND backend_xid IS NOT NULL"
    )
    return bool(rows)


async def test_an_invoice_is_in_one_live_order_whatever_the_contract(house: House) -> None:
    await house.open()
    other = uuid4()
    await house.receive(house.contract_changed(contract_id=other))
    line = _line(await house.issue("2026-000001"))
    at_once = asyncio.Event()
    at_once.set()
    first, second = _order(house, "CMD-2026-0001"), _order(house, "X", contract_id=other)
    await _add(house.database, house, first, line, until=at_once)
    with pytest.raises(InvoiceInLiveOrderError):
        await _add(house.database, house, second, line, until=at_once)
    assert len(await house.rows("SELECT 1 FROM orders")) == 1


async def test_who_waits_too_long_for_the_number_is_told_so(house: House) -> None:
    await house.open()
    async with house.database.transaction(Scope.of(house.practice_id)) as holder:
        assert await _next_count(house, holder) == 1
        with pytest.raises(OrderBeingPreparedError):
            await _take_number(house, wait="50ms")


async def test_numbers_have_no_gap_after_a_failed_transaction(house: House) -> None:
    await house.open()
    with pytest.raises(ZeroDivisionError):
        await _take_number(house, fails=True)
    assert await _take_number(house) == 1
    assert await _take_number(house) == 2


async def _take_number(house: House, *, wait: str = "5s", fails: bool = False) -> int:
    async with house.database.transaction(Scope.of(house.practice_id)) as connection:
        await connection.execute(text(f"SET LOCAL lock_timeout = '{wait}'"))
        count = await _next_count(house, connection)
        if fails:
            raise ZeroDivisionError
    return count


async def _next_count(house: House, connection: AsyncConnection) -> int:
    orders = SqlOrderRepository(connection)
    return await orders.next_count(PracticeId(house.practice_id), factor="CMD", year=2026)


@pytest.mark.parametrize(
    ("statement", "constraint"),
    [
        ("UPDATE orders SET state = 'lost'", "orders_state_known"),
        ("UPDATE orders SET state = 'confirmed'", "orders_confirmed_has_confirmation"),
        ("UPDATE orders SET accepted_count = 1", "orders_confirmation_is_whole"),
        ("UPDATE order_line SET outcome = 'refused'", "order_line_refusal_has_code"),
        ("UPDATE order_line SET outcome = 'gone'", "order_line_outcome_known"),
    ],
)
async def test_the_tables_refuse_what_the_rules_forbid(
    house: House, api: ApiClient, statement: str, constraint: str
) -> None:
    await house.open()
    await house.issue("2026-000001")
    await api.post(f"{house.path}/orders", {"contract_id": str(house.contract_id)})
    with pytest.raises(DBAPIError, match=constraint):
        await house.rows(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE orders SET package_sha256 = repeat('0', 64)",
        "UPDATE orders SET communication = 'other'",
        "UPDATE orders SET total_rappen = 1",
        "UPDATE order_line SET amount_rappen = 1",
        "DELETE FROM order_line",
        "DELETE FROM orders",
        "DELETE FROM order_fact",
        "UPDATE order_fact SET at = now()",
        "TRUNCATE order_fact",
    ],
)
async def test_the_runtime_role_cannot_change_what_is_frozen(house: House, statement: str) -> None:
    with pytest.raises(DBAPIError) as refused:
        await house.rows(statement)
    assert sqlstate(refused.value) == "42501"
