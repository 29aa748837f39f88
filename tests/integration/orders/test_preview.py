"""The dry run: the same verdicts as preparing, and no trace of having asked."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import uuid4

import pytest

from shared.web.endpoints import UserRole
from tests.integration.orders.house import House
from tests.support.web import ApiClient


def _wish(house: House, **more: Any) -> dict[str, Any]:
    return {"contract_id": str(house.contract_id), **more}


async def _preview(house: House, api: ApiClient, **more: Any) -> dict[str, Any]:
    status, answer = await api.post(f"{house.path}/orders/preview", _wish(house, **more))
    assert status == 200, answer
    return dict(answer)


async def test_a_dry_run_says_what_would_go_and_what_would_stay_behind_and_why(
    house: House, api: ApiClient
) -> None:
    await house.ordered(api, "A-1")
    await house.issue("B-1", "80.50")
    await house.issue("B-2", "0.00")
    await house.issue("B-3", unfit_codes=("missing-address", "bad-check-digit"))
    foreseen = await _preview(house, api)
    assert [each["invoice_number"] for each in foreseen["invoices"]] == ["B-1"]
    assert (foreseen["invoice_count"], foreseen["total"]["amount"]) == (1, "80.50")
    left_out = {each["invoice_number"]: each["reason_code"] for each in foreseen["left_out"]}
    assert left_out == {"A-1": "in-live-order", "B-3": "unfit"}
    assert foreseen["left_out"][1]["unfit_codes"] == ["missing-address", "bad-check-digit"]
    assert foreseen["left_out_by_reason"] == [
        {"reason_code": "in-live-order", "count": 1},
        {"reason_code": "unfit", "count": 1},
        {"reason_code": "zero-balance", "count": 1},
    ]
    assert foreseen["left_out_count"] == 3
    assert not foreseen["possible"]
    assert [each["code"] for each in foreseen["obstacles"]] == ["order-in-flight"]


async def test_a_dry_run_leaves_no_trace_and_is_answered_afresh_under_the_same_key(
    house: House, api: ApiClient
) -> None:
    await house.open()
    await house.issue("A-1")
    path = f"{house.path}/orders/preview"
    first = await api.post(path, _wish(house), key="asked")
    await house.issue("A-2")
    second = await api.post(path, _wish(house), key="asked")
    assert [answer["invoice_count"] for _, answer in (first, second)] == [1, 2]
    without_key = await api.request(
        "POST", path, body=_wish(house), headers={"Idempotency-Key": ""}
    )
    assert without_key.status == 200
    [traces] = await house.rows(
        "SELECT (SELECT count(*) FROM orders), (SELECT count(*) FROM order_count),"
        " (SELECT count(*) FROM outbox), (SELECT count(*) FROM idempotency_key),"
        " (SELECT count(*) FROM audit_log)"
    )
    assert tuple(traces) == (0, 0, 0, 0, 0)
    _, order = await api.post(f"{house.path}/orders", _wish(house), key="asked")
    assert order["order_number"] == "CMD-2026-0001"


async def test_a_controller_may_foresee_what_only_others_may_order(
    house: House, api: ApiClient
) -> None:
    await house.open()
    await house.issue("A-1")
    controller = api.as_user({UserRole.CONTROLLER}, [house.practice_id])
    assert (await _preview(house, controller))["possible"]


async def test_chosen_invoices_that_would_refuse_the_order_are_named_without_refusing(
    house: House, api: ApiClient
) -> None:
    await house.open()
    good = await house.issue("A-1")
    unfit = await house.issue("A-2", unfit_codes=("missing-address",))
    foreseen = await _preview(house, api, invoice_ids=[str(good), str(unfit)])
    assert [each["invoice_number"] for each in foreseen["invoices"]] == ["A-1"]
    assert [each["code"] for each in foreseen["obstacles"]] == ["invoices-not-orderable"]
    status, problem = await api.post(
        f"{house.path}/orders", _wish(house, invoice_ids=[str(good), str(unfit)])
    )
    assert (status, problem["code"]) == (422, foreseen["obstacles"][0]["code"])


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"notices": [{"code": "legal-guardian", "count": 3}]}, "notice-unfit"),
        (
            {"notices": [{"code": "instalments", "count": 3, "amount": {"amount": "40.00"}}]},
            "notice-unfit",
        ),
        ({"communication": "\u0007"}, "communication-unusable"),
        ({"rule": {"older_than_days": 3000}}, "nothing-to-order"),
    ],
)
async def test_every_obstacle_is_the_refusal_that_preparing_would_give(
    house: House, api: ApiClient, more: dict[str, Any], code: str
) -> None:
    await house.open()
    await house.issue("A-1")
    foreseen = await _preview(house, api, **more)
    assert [each["code"] for each in foreseen["obstacles"]] == [code]
    status, problem = await api.post(f"{house.path}/orders", _wish(house, **more))
    assert (status, problem["code"]) == (422, code)


async def test_an_ended_contract_is_an_obstacle_and_an_unknown_one_is_an_error(
    house: House, api: ApiClient
) -> None:
    await house.open()
    await house.issue("A-1")
    await house.receive(house.contract_changed(version=2, active=False))
    foreseen = await _preview(house, api)
    assert [each["code"] for each in foreseen["obstacles"]] == ["contract-inactive"]
    status, problem = await api.post(f"{house.path}/orders/preview", {"contract_id": str(uuid4())})
    assert (status, problem["code"]) == (422, "contract-unknown")


async def test_a_rule_prepares_what_it_foresaw(house: House, api: ApiClient) -> None:
    await house.open()
    await house.issue("OLD", "50.05", issued_on=date(2026, 1, 30))
    await house.issue("OLD-SMALL", "50.00", issued_on=date(2026, 1, 30))
    await house.issue("NEW", "200.00", issued_on=date(2026, 1, 31))
    rule = {"older_than_days": 30, "amount_above": {"amount": "50.00"}}
    foreseen = await _preview(house, api, rule=rule)
    _, order = await api.post(f"{house.path}/orders", _wish(house, rule=rule))
    assert [each["invoice_number"] for each in foreseen["invoices"]] == ["OLD"]
    assert (order["invoice_count"], order["total"]["amount"]) == (1, "50.05")
    assert order["left_out_by_reason"] == [{"reason_code": "outside-rule", "count": 2}]
    assert order["left_out"] == foreseen["left_out"]


async def test_invoices_and_a_rule_together_are_refused(house: House, api: ApiClient) -> None:
    await house.open()
    wish = _wish(house, invoice_ids=[str(uuid4())], rule={})
    for path in ("orders", "orders/preview"):
        status, problem = await api.post(f"{house.path}/{path}", wish)
        assert (status, problem["code"]) == (422, "invalid-request")


async def test_what_was_acquitted_long_ago_is_not_named(house: House, api: ApiClient) -> None:
    order = await house.ordered(api, "A-1")
    await house.receive(await house.order_arrived(order, {"A-1": None}))
    await house.receive(house.order_acquitted(order, 1, "120.00"))
    await house.issue("A-2")
    foreseen = await _preview(house, api)
    assert (foreseen["possible"], foreseen["invoice_count"], foreseen["left_out"]) == (True, 1, [])
