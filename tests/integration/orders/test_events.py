"""Events on real PostgreSQL: repeated, early, foreign, and those that a person must look at."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from shared.db.scope import Scope
from shared.kernel.errors import ContractError, PermanentError, TooEarlyError
from tests.integration.orders.house import House
from tests.support.web import ApiClient


async def _ordered(house: House, api: ApiClient, *numbers: str) -> dict[str, Any]:
    await house.open()
    for number in numbers:
        await house.issue(number)
    status, order = await api.post(f"{house.path}/orders", {"contract_id": str(house.contract_id)})
    assert status == 201
    return dict(order)


async def _state(house: House) -> str:
    return str((await house.rows("SELECT state FROM orders"))[0].state)


async def test_an_arrival_confirms_once_however_often_it_comes(
    house: House, api: ApiClient
) -> None:
    order = await _ordered(house, api, "A-1", "A-2")
    arrived = await house.order_arrived(order, {"A-1": None, "A-2": "debtor-unknown"})
    for event in (house.order_sent(order), arrived, arrived, house.order_sent(order)):
        await house.receive(event)
    told = await house.told()
    assert [(each["type"], each["sequence"]) for each in told] == [
        ("order-prepared", 1),
        ("order-confirmed", 2),
    ]
    confirmed = told[1]
    assert (confirmed["accepted_count"], confirmed["refused_count"]) == (1, 1)
    assert confirmed["accepted_total"]["amount"] == "120.00"
    assert confirmed["evidence"]["kind"] == "portal-status"
    document = json.loads(await house.stored(confirmed["confirmation"]))
    assert [
        (line["invoice_number"], line["accepted"], line["refusal_code"])
        for line in document["lines"]
    ] == [("A-1", True, None), ("A-2", False, "debtor-unknown")]
    assert confirmed["confirmation"]["key"].startswith(f"{house.practice_id}/order-confirmation/")
    lines = await house.rows("SELECT outcome, live FROM order_line ORDER BY place")
    assert [tuple(line) for line in lines] == [("accepted", True), ("refused", False)]


async def test_an_arrival_that_lacks_a_line_confirms_nothing_and_says_why(
    house: House, api: ApiClient
) -> None:
    order = await _ordered(house, api, "A-1", "A-2")
    with pytest.raises(PermanentError, match=r"arrival-does-not-match.*does not name A-2"):
        await house.receive(await house.order_arrived(order, {"A-1": None}))
    assert await _state(house) == "prepared"
    assert len(await house.told()) == 1


async def test_bytes_that_are_no_arrival_are_a_contract_error(house: House, api: ApiClient) -> None:
    order = await _ordered(house, api, "A-1")
    arrived = await house.order_arrived(order, {"A-1": None})
    lies = await house.store.put(
        practice_id=house.practice_id, kind="order-arrival", data=b"[]", media_type="text/plain"
    )
    with pytest.raises(ContractError):
        await house.receive(arrived.model_copy(update={"lines": lies}))


async def test_an_arrival_document_of_another_practice_is_not_read(
    house: House, api: ApiClient
) -> None:
    order = await _ordered(house, api, "A-1")
    arrived = await house.order_arrived(order, {"A-1": None})
    foreign = await house.store.put(
        practice_id=uuid4(), kind="order-arrival", data=b"{}", media_type="application/json"
    )
    with pytest.raises(PermanentError):
        await house.receive(arrived.model_copy(update={"lines": foreign}))
    assert await _state(house) == "prepared"


async def test_a_refusal_after_the_arrival_is_for_a_person(house: House, api: ApiClient) -> None:
    order = await _ordered(house, api, "A-1")
    await house.receive(await house.order_arrived(order, {"A-1": None}))
    with pytest.raises(PermanentError, match="illegal-order-move"):
        await house.receive(house.order_refused(order))
    assert await _state(house) == "confirmed"


async def test_a_doubt_is_settled_by_the_arrival(house: House, api: ApiClient) -> None:
    order = await _ordered(house, api, "A-1")
    await house.receive(house.order_send_failed(order, "unknown"))
    assert await _state(house) == "unknown"
    await house.receive(house.order_send_failed(order, "not-sent"))
    assert await _state(house) == "prepared"
    await house.receive(house.order_sent(order, attempt=2))
    assert await _state(house) == "sent"
    await house.receive(await house.order_arrived(order, {"A-1": None}))
    await house.receive(house.order_acquitted(order, 1, "120.00"))
    await house.receive(house.order_acquitted(order, 1, "120.00"))
    assert await _state(house) == "acquitted"


async def test_events_wait_for_what_they_need(house: House) -> None:
    strange = {"order_id": str(uuid4()), "contract_id": str(house.contract_id)}
    strange_order: dict[str, Any] = {**strange, "package": {"sha256": "0" * 64}}
    with pytest.raises(TooEarlyError) as early:
        await house.receive(house.contract_changed())
    assert early.value.waits_for == str(house.practice_id)
    await house.receive(house.practice_registered())
    with pytest.raises(TooEarlyError) as early:
        await house.issue("A-1")
    assert early.value.waits_for == str(house.practice_id)
    await house.receive(house.contract_changed())
    with pytest.raises(TooEarlyError) as early:
        await house.receive(house.order_sent(strange_order))
    assert early.value.waits_for == strange["order_id"]
    unknown = uuid4()
    with pytest.raises(TooEarlyError) as early:
        await house.change_balance(unknown, "1.00")
    assert early.value.waits_for == str(unknown)


async def test_an_acquittal_waits_for_the_confirmation(house: House, api: ApiClient) -> None:
    order = await _ordered(house, api, "A-1")
    with pytest.raises(TooEarlyError):
        await house.receive(house.order_acquitted(order, 1, "120.00"))


async def test_repeated_facts_of_invoicing_change_nothing(house: House) -> None:
    await house.open()
    await house.receive(house.contract_changed(version=4, active=False))
    await house.receive(house.contract_changed(version=2))
    await house.open()
    contract = (await house.rows("SELECT version, active FROM contract"))[0]
    assert tuple(contract) == (4, False)
    assert len(await house.rows("SELECT 1 FROM practice")) == 1


async def test_an_invoice_number_belongs_to_one_invoice(house: House) -> None:
    await house.open()
    await house.issue("A-1")
    with pytest.raises(PermanentError, match="A-1 already belongs"):
        await house.issue("A-1")
    assert len(await house.rows("SELECT 1 FROM invoice")) == 1


async def test_an_event_of_one_practice_cannot_touch_an_order_of_another(
    house: House, api: ApiClient
) -> None:
    order = await _ordered(house, api, "A-1")
    sent = house.order_sent(order)
    with pytest.raises(TooEarlyError):
        await house.receive(sent, practice_id=uuid4())
    assert await _state(house) == "prepared"


_TABLES = ("practice", "contract", "invoice", "order_count", "orders", "order_line", "order_fact")


@pytest.mark.parametrize("table", _TABLES)
async def test_a_practice_sees_only_its_own_rows(house: House, api: ApiClient, table: str) -> None:
    await _ordered(house, api, "A-1")
    everybody = f"SELECT count(*) AS rows FROM {table}"  # noqa: S608 - a constant
    assert (await house.rows(everybody))[0].rows >= 1
    for scope in (Scope.of(uuid4()), Scope()):
        assert (await house.rows(everybody, scope=scope))[0].rows == 0
    ours = f"{everybody} WHERE practice_id = :practice_id"
    found = await house.rows(ours, scope=Scope.everything(), practice_id=house.practice_id)
    assert found[0].rows >= 1


async def test_every_table_with_a_practice_has_forced_row_security(house: House) -> None:
    async with house.database.transaction(Scope()) as connection:
        rows = await connection.execute(
            text(
                "SELECT relname, relrowsecurity AND relforcerowsecurity AS guarded FROM pg_class"
                " WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
            )
        )
        guarded = {row.relname: row.guarded for row in rows}
    assert {name for name, is_guarded in guarded.items() if not is_guarded} == {
        "alembic_version",
        "topic_offset",
    }
    assert guarded.keys() >= set(_TABLES)


async def _insert_foreign_practice(house: House, practice_id: UUID) -> None:
    await house.rows(
        "INSERT INTO practice (practice_id, gln) VALUES (:practice_id, '7601000000019')",
        practice_id=practice_id,
    )


async def test_a_row_of_another_practice_cannot_be_written(house: House) -> None:
    await _insert_foreign_practice(house, house.practice_id)
    with pytest.raises(Exception, match="row-level security"):
        await _insert_foreign_practice(house, uuid4())
