"""The queue over many practices and the policies on real PostgreSQL: each order by itself."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from shared.contracts.envelope import ContentRef
from shared.db.scope import Scope
from shared.kernel.errors import TransientError
from shared.web.endpoints import UserRole
from tests.integration.orders.house import House
from tests.support.web import ApiClient

MANY = "/v1/orders/prepare-many"


@pytest.fixture
async def houses(house: House) -> list[House]:
    """Four practices on one database, clock and store, each with a contract."""
    others = [House(house.database, house.clock, house.store) for _ in range(3)]
    return [await each.open() for each in (house, *others)]


def _office(houses: list[House], api: ApiClient) -> ApiClient:
    return api.as_user([UserRole.BILLING_OFFICE], [each.practice_id for each in houses])


def _contract(house: House) -> dict[str, str]:
    return {"practice_id": str(house.practice_id), "contract_id": str(house.contract_id)}


async def _report(api: ApiClient, batch: dict[str, Any]) -> dict[str, Any]:
    status, report = await api.get(f"{MANY}/{batch['batch_id']}")
    assert status == 200, report
    return dict(report)


async def _work(house: House) -> None:
    """Work the queue to its end, whatever other tests of the module left in it."""
    while await house.ticks.work_tasks():
        pass


async def test_each_practice_gets_its_order_or_its_reason(
    houses: list[House], api: ApiClient
) -> None:
    busy, idle, damaged, fine = houses
    office = _office(houses, api)
    await busy.issue("A-1")
    await api.post(f"{busy.path}/orders", {"contract_id": str(busy.contract_id)})
    foreign = await fine.store.put(
        practice_id=uuid4(), kind="invoice-document", data=b"<x/>", media_type="text/xml"
    )
    await damaged.issue("A-1", document=foreign)
    await fine.issue("A-1")
    status, batch = await office.post(MANY, {"communication": "Merci"})
    assert (status, batch["task_count"]) == (202, 4)
    assert not (await _report(office, batch))["finished"]
    await fine.ticks.work_tasks()
    report = await _report(office, batch)
    assert report["finished"]
    by_practice = {UUID(each["practice_id"]): each for each in report["items"]}
    assert {key: each["status"] for key, each in by_practice.items()} == {
        busy.practice_id: "in-flight",
        idle.practice_id: "nothing-to-order",
        damaged.practice_id: "failed",
        fine.practice_id: "prepared",
    }
    amounts = {
        each["status"]: each["total"] and each["total"]["amount"] for each in report["items"]
    }
    assert amounts["prepared"] == "120.00"
    assert amounts["in-flight"] is None, "the order in the way is not of this batch"
    assert report["totals"]["total"]["amount"] == "120.00"
    assert report["totals"]["invoice_count"] == 1
    assert by_practice[damaged.practice_id]["code"] == "document-damaged"
    assert "waiting to leave" in by_practice[busy.practice_id]["detail"]
    assert by_practice[busy.practice_id]["order_number"] == "CMD-2026-0001"
    path = f"{MANY}/{batch['batch_id']}"
    _, troubled = await office.get(path, status=["failed", "in-flight"])
    assert {each["practice_id"] for each in troubled["items"]} == {
        str(damaged.practice_id),
        str(busy.practice_id),
    }
    assert (troubled["totals"]["count"], troubled["finished"]) == (2, True)
    assert (await office.get(path, status=["failed", "lost"]))[0] == 422


async def test_a_batch_is_prepared_once_however_many_workers_take_it(
    houses: list[House], api: ApiClient
) -> None:
    office = _office(houses, api)
    for house in houses:
        await house.issue("A-1")
    body = {"contracts": [_contract(house) for house in houses]}
    first = await office.post(MANY, body, key="once")
    assert await office.post(MANY, body, key="once") == first
    await asyncio.gather(*(each.ticks.work_tasks() for each in houses))
    report = await _report(office, first[1])
    assert report["counts"] == [{"status": "prepared", "count": 4}]
    for house in houses:
        assert [each["type"] for each in await house.told()] == ["order-prepared"]
        [order] = (await api.get(f"{house.path}/orders"))[1]["items"]
        [task] = [t for t in report["items"] if t["practice_id"] == str(house.practice_id)]
        assert (task["order_id"], task["order_number"]) == (order["order_id"], "CMD-2026-0001")


async def test_a_report_shows_only_the_practices_of_the_token(
    houses: list[House], api: ApiClient
) -> None:
    office, neighbour = _office(houses, api), _office(houses[:1], api)
    _, batch = await office.post(MANY, {"contracts": [_contract(each) for each in houses]})
    assert len((await _report(neighbour, batch))["items"]) == 1
    stranger = api.as_user([UserRole.BILLING_OFFICE], [uuid4()])
    assert (await stranger.get(f"{MANY}/{batch['batch_id']}"))[0] == 404
    status, problem = await neighbour.post(MANY, {"contracts": [_contract(houses[1])]})
    assert (status, problem["code"]) == (422, "contract-unknown")
    _, own = await neighbour.post(MANY, {})
    assert own["task_count"] == 1
    status, problem = await neighbour.post(MANY, {"contracts": [_contract(houses[0])] * 2})
    assert (status, problem["code"]) == (422, "contract-chosen-twice")
    assert (await stranger.post(MANY, {}))[1]["code"] == "no-contract-in-force"
    await _work(houses[0])


async def test_a_report_is_paged_without_gap_or_repeat(houses: list[House], api: ApiClient) -> None:
    office = _office(houses, api)
    _, batch = await office.post(MANY, {})
    seen: list[str] = []
    query = {"limit": "3"}
    while True:
        _, page = await office.get(f"{MANY}/{batch['batch_id']}", **query)
        seen += [each["task_id"] for each in page["items"]]
        if page["next"] is None:
            break
        query["after"] = page["next"]
    assert len(seen) == len(set(seen)) == 4
    await _work(houses[0])


async def test_what_passes_is_tried_again_later(
    houses: list[House], api: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = houses[0]
    await house.issue("A-1")
    _, batch = await _office(houses, api).post(MANY, {"contracts": [_contract(house)]})

    async def is_away(ref: ContentRef, *, practice_id: UUID) -> bytes:
        raise TransientError("the object store does not answer")

    with monkeypatch.context() as outage:
        outage.setattr(house.store, "get", is_away)
        await house.ticks.work_tasks()
    [task] = (await _report(api, batch))["items"]
    assert (task["status"], task["code"]) == ("waiting", "temporarily-unavailable")
    assert await house.rows("SELECT 1 FROM orders") == []
    house.clock.advance(timedelta(hours=1))
    await house.ticks.work_tasks()
    [task] = (await _report(api, batch))["items"]
    assert task["status"] == "prepared"
    assert len(await house.rows("SELECT 1 FROM orders")) == 1


async def test_a_document_that_is_gone_is_not_waited_for(
    houses: list[House], api: ApiClient
) -> None:
    house = houses[0]
    absent = ContentRef(
        key=f"{house.practice_id}/invoice-document/{'0' * 64}",
        sha256="0" * 64,
        size_bytes=1,
        media_type="application/xml",
    )
    await house.issue("A-1", document=absent)
    _, batch = await _office(houses, api).post(MANY, {"contracts": [_contract(house)]})
    await house.ticks.work_tasks()
    [task] = (await _report(api, batch))["items"]
    assert (task["status"], task["code"]) == ("failed", "document-damaged")


def _policy(**changes: Any) -> dict[str, Any]:
    return {"weekdays": [1, 4], "times": ["07:30", "18:00"], **changes}


def _policy_path(house: House) -> str:
    return f"{house.path}/contracts/{house.contract_id}/order-policy"


async def _put(
    house: House, api: ApiClient, body: dict[str, Any], *, read: int = 0
) -> tuple[int, Any]:
    """PUT a policy as somebody who read this version; 0: there was none."""
    headers = {"If-Match": f'"{read}"'} if read else {"If-None-Match": "*"}
    answer = await api.request("PUT", _policy_path(house), body=body, headers=headers)
    return answer.status, answer.json


async def test_the_audit_log_says_what_a_policy_was_before(house: House, api: ApiClient) -> None:
    await house.open()
    await _put(house, api, _policy(communication="Merci"))
    await _put(house, api, _policy(communication="Danke"), read=1)
    rows = await house.rows(
        "SELECT fields_before, fields_after FROM audit_log"
        " WHERE operation_id = 'putOrderPolicy' ORDER BY id"
    )
    assert rows[0].fields_before == {}
    assert rows[0].fields_after["communication"] == "Merci"
    assert rows[1].fields_before["communication"] == "Merci"
    assert rows[1].fields_after["communication"] == "Danke"
    assert "weekdays" not in rows[1].fields_after


async def test_a_policy_prepares_an_order_at_its_hour_once(house: House, api: ApiClient) -> None:
    await house.open()
    await house.issue("A-1")
    notices = [
        {"code": "do-not-remind", "date": "2026-04-01"},
        {"code": "address-doubtful"},
    ]
    wanted = _policy(communication="Merci", notices=notices)
    status, policy = await _put(house, api, wanted)
    assert [one["code"] for one in policy["notices"]] == ["address-doubtful", "do-not-remind"]
    assert (status, policy["version"], policy["canton"]) == (200, 1, "VD")
    assert policy["next_run_at"] == "2026-03-02T17:00:00Z"
    await house.ticks.run_policies()
    assert await house.rows("SELECT 1 FROM prepare_task") == [], "it is not time yet"
    house.clock.move_to(datetime(2026, 3, 2, 17, 1, tzinfo=UTC))
    await asyncio.gather(house.ticks.run_policies(), house.ticks.run_policies())
    await house.ticks.work_tasks()
    _, shown = await api.as_user().get(_policy_path(house))
    [run] = shown["latest_runs"]
    assert (run["status"], run["order_number"]) == ("prepared", "CMD-2026-0001")
    assert shown["next_run_at"] == "2026-03-05T06:30:00Z"
    _, order = await api.as_user().get(f"{house.path}/orders/{run['order_id']}")
    assert order["communication"] == "Merci"
    assert [(one["code"], one["date"]) for one in order["notices"]] == [
        ("address-doubtful", None),
        ("do-not-remind", "2026-04-01"),
    ]
    assert (run["invoice_count"], run["total"]["amount"]) == (1, "120.00")


async def test_a_plan_that_was_kept_for_a_whole_order_does_not_hold_its_invoices_back(
    house: House, api: ApiClient
) -> None:
    await house.open()
    await house.issue("A-1")
    office = api.as_user([UserRole.BILLING_OFFICE], [house.practice_id])
    _, batch = await office.post(MANY, {"notices": [{"code": "dispute"}]})
    plan = """UPDATE prepare_task SET notices = CAST(:notices AS jsonb) RETURNING 1"""
    amount = {"amount": "10.00", "currency": "CHF"}
    kept = [{"code": "instalments", "count": 3, "amount": amount}]
    await house.rows(plan, notices=json.dumps(kept))
    await _work(house)
    (item,) = (await _report(office, batch))["items"]
    assert item["status"] == "prepared", item


async def test_a_run_never_prepares_while_an_order_is_in_flight(
    house: House, api: ApiClient
) -> None:
    await house.ordered(api, "A-1")
    await house.issue("A-2")
    await _put(house, api, _policy())
    house.clock.move_to(datetime(2026, 3, 2, 17, 1, tzinfo=UTC))
    await house.ticks.run_policies()
    await house.ticks.work_tasks()
    _, shown = await api.as_user().get(_policy_path(house))
    assert [(run["status"], run["code"]) for run in shown["latest_runs"]] == [
        ("waiting", "order-in-flight")
    ]
    assert len(await house.rows("SELECT 1 FROM orders")) == 1
    await _put(house, api, _policy(enabled=False), read=1)


async def test_a_holiday_of_the_canton_has_no_run_and_a_small_order_is_not_prepared(
    house: House, api: ApiClient
) -> None:
    await house.open()
    await house.issue("A-1")
    house.holidays.days = {(date(2026, 3, 5), "VD"), (date(2026, 3, 9), "ZH")}
    minimum = {"minimum_total": {"amount": "120.01"}, "times": ["06:00"]}
    _, policy = await _put(house, api, _policy(**minimum))
    assert policy["next_run_at"] == "2026-03-09T05:00:00Z"
    house.clock.move_to(datetime(2026, 3, 9, 5, 0, tzinfo=UTC))
    await house.ticks.run_policies()
    await house.ticks.work_tasks()
    _, shown = await api.as_user().get(_policy_path(house))
    assert [run["status"] for run in shown["latest_runs"]] == ["below-minimum"]


async def test_two_people_do_not_overwrite_each_others_policy(house: House, api: ApiClient) -> None:
    await house.open()
    path = _policy_path(house)
    assert (await api.get(path))[0] == 404
    assert (await api.request("PUT", path, body=_policy())).code == "precondition-required"
    await _put(house, api, _policy())
    status, problem = await _put(house, api, _policy())
    assert (status, problem["code"]) == (412, "changed-meanwhile")
    assert (await api.request("GET", path)).headers["ETag"] == '"1"'
    status, off = await _put(house, api, _policy(enabled=False), read=1)
    assert (status, off["version"], off["next_run_at"]) == (200, 2, None)
    for etag, status in (("", 428), ('"1"', 412), ('"2"', 204), ('"2"', 404)):
        answer = await api.request("DELETE", path, headers={"If-Match": etag})
        assert answer.status == status, etag
    (line,) = await house.rows(
        "SELECT fields_before, fields_after FROM audit_log"
        " WHERE operation_id = 'deleteOrderPolicy' AND status = 204"
    )
    assert (line.fields_before["version"], line.fields_before["times"]) == (
        2,
        ["07:30:00", "18:00:00"],
    )
    assert line.fields_after == {}


async def test_of_two_who_make_the_first_policy_one_does(house: House, api: ApiClient) -> None:
    await house.open()
    wanted = [_policy(communication=text) for text in ("Merci", "Danke", "Grazie")]
    answers = await asyncio.gather(*(_put(house, api, body) for body in wanted))
    assert sorted(status for status, _ in answers) == [200, 412, 412]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"weekdays": []}, "weekdays"),
        ({"weekdays": [0]}, "weekdays.0"),
        ({"times": []}, "times"),
        ({"times": ["25:00"]}, "times.0"),
        ({"times": ["07:30:15"]}, "times"),
        ({"minimum_total": {"amount": "0.00"}}, "minimum_total"),
        ({"notices": [{"code": "weather"}]}, "notices.0.code"),
    ],
)
async def test_a_policy_that_cannot_be_is_refused(
    house: House, api: ApiClient, change: dict[str, Any], field: str
) -> None:
    await house.open()
    status, problem = await _put(house, api, _policy(**change))
    assert status == 422
    assert problem.get("field") == field or problem["errors"][0]["field"] == field


async def test_the_queue_keeps_a_slot_once_by_constraint(house: House, api: ApiClient) -> None:
    await house.open()
    await _put(house, api, _policy())
    house.clock.move_to(datetime(2026, 3, 2, 17, 1, tzinfo=UTC))
    await house.ticks.run_policies()
    await house.rows("UPDATE order_policy SET next_run_at = '2026-03-02T17:00:00Z'")
    await house.ticks.run_policies()
    rows = await house.rows("SELECT 1 FROM prepare_task", scope=Scope.of(house.practice_id))
    assert len(rows) == 1
    await _work(house)
