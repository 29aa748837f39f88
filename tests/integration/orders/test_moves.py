"""What a person does with a prepared order on real PostgreSQL: notices, taking back, confirming."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from io import BytesIO
from typing import Any
from zipfile import ZipFile

import pytest
from sqlalchemy.exc import DBAPIError

from shared.db.engine import sqlstate
from shared.kernel.errors import PermanentError
from tests.integration.orders.house import House
from tests.support.web import ApiClient

INSTALMENTS = {"code": "instalments", "count": 3, "amount": {"amount": "40.00", "currency": "CHF"}}
NOT_BY_HAND = {"handed_over_by_hand": False}


def _path(house: House, order: dict[str, Any], move: str = "") -> str:
    return f"{house.path}/orders/{order['order_id']}{move and '/' + move}"


def _seen(house: House, **more: Any) -> dict[str, Any]:
    return {
        "observed_at": house.clock.now().isoformat(),
        "reference": "DBD-77",
        "seen": "On the portal's site: received, one debtor unknown.",
        **more,
    }


async def _told_by_line(house: House) -> list[list[str]]:
    """Return the codes in the line list of the only order."""
    (prepared,) = [each for each in await house.told() if each["type"] == "order-prepared"]
    document = json.loads(await house.stored(prepared["lines"]))
    return [line["notices"] for line in document["lines"]]


async def _types(house: House) -> list[str]:
    return [each["type"] for each in await house.told()]


async def test_notices_are_frozen_with_the_order_and_shown_with_it(
    house: House, api: ApiClient
) -> None:
    await house.open()
    first = await house.issue("A-1")
    await house.issue("A-2")
    wish = {
        "contract_id": str(house.contract_id),
        "notices": [{"code": "do-not-remind", "date": "2026-12-31"}],
        "invoice_notices": [
            {"invoice_id": str(first), "notices": [{"code": "deceased"}, INSTALMENTS]}
        ],
    }
    _, order = await api.post(f"{house.path}/orders", wish)
    answer = await api.request("GET", _path(house, order, "package"))
    with ZipFile(BytesIO(answer.raw)) as package:
        manifest = json.loads(package.read("manifest.json"))
    assert manifest["notices"] == [{"code": "do-not-remind", "date": "2026-12-31"}]
    assert manifest["invoices"][0]["notices"] == [{"code": "deceased"}, INSTALMENTS]
    assert "notices" not in manifest["invoices"][1]
    _, shown = await api.get(_path(house, order))
    assert [each["code"] for each in shown["notices"]] == ["do-not-remind"]
    [of_invoice] = shown["invoice_notices"]
    assert of_invoice["invoice_number"] == "A-1"
    assert of_invoice["notices"][1]["amount"] == INSTALMENTS["amount"]
    _, lines = await api.get(_path(house, order, "lines"))
    assert [len(line["notices"]) for line in lines["items"]] == [2, 0]
    assert await _told_by_line(house) == [
        ["deceased", "instalments", "do-not-remind"],
        ["do-not-remind"],
    ]


async def test_a_notice_about_an_invoice_that_stays_behind_refuses_the_order(
    house: House, api: ApiClient
) -> None:
    await house.open()
    await house.issue("A-1")
    zero = await house.issue("A-2", "0.00")
    notices = [{"invoice_id": str(zero), "notices": [INSTALMENTS]}]
    wish = {"contract_id": str(house.contract_id), "invoice_notices": notices}
    status, problem = await api.post(f"{house.path}/orders", wish)
    assert (status, problem["code"]) == (422, "notice-without-invoice")
    assert await house.rows("SELECT 1 FROM orders") == []


async def test_a_plan_that_does_not_pay_its_invoice_refuses_the_order_and_the_dry_run_says_so(
    house: House, api: ApiClient
) -> None:
    await house.open()
    dear = await house.issue("A-1", "120.05")
    notices = [{"invoice_id": str(dear), "notices": [INSTALMENTS]}]
    wish = {"contract_id": str(house.contract_id), "invoice_notices": notices}
    _, foreseen = await api.post(f"{house.path}/orders/preview", wish)
    assert [each["code"] for each in foreseen["obstacles"]] == ["instalments-below-balance"]
    status, problem = await api.post(f"{house.path}/orders", wish)
    assert (status, problem["code"]) == (422, "instalments-below-balance")
    assert problem["field"] == "invoice_notices.0.notices"


async def test_a_policy_and_a_batch_take_no_instalments(house: House, api: ApiClient) -> None:
    await house.open()
    policy = {"weekdays": [1], "times": ["07:30"], "notices": [INSTALMENTS]}
    answer = await api.request(
        "PUT",
        f"{house.path}/contracts/{house.contract_id}/order-policy",
        body=policy,
        headers={"If-None-Match": "*"},
    )
    assert (answer.status, answer.json["code"]) == (422, "notice-unfit")
    status, problem = await api.post("/v1/orders/prepare-many", {"notices": [INSTALMENTS]})
    assert (status, problem["code"]) == (422, "notice-unfit")


async def test_nothing_is_free_before_the_gateway_has_answered(
    house: House, api: ApiClient
) -> None:
    order = await house.ordered(api, "A-1")
    again = {"contract_id": str(house.contract_id)}
    status, asked = await api.post(_path(house, order, "withdraw"), NOT_BY_HAND)
    assert (status, asked["state"], asked["withdrawal_pending"]) == (202, "prepared", True)
    assert (await api.post(f"{house.path}/orders", again))[1]["code"] == "order-in-flight"
    await api.post(_path(house, order, "withdraw"), NOT_BY_HAND)
    assert await _types(house) == ["order-prepared", "order-withdrawal-requested"]
    for _ in range(2):
        await house.receive(house.order_withheld(order))
    assert (await _types(house))[2:] == ["order-withdrawn"]
    _, shown = await api.get(_path(house, order))
    assert (shown["state"], shown["withdrawal_pending"]) == ("withdrawn", False)
    assert [entry["kind"] for entry in shown["timeline"]] == [
        "prepared",
        "withdrawal-asked",
        "withdrawn",
    ]
    listed = (await api.get(f"{house.path}/orderable-invoices"))[1]["items"][0]
    assert (listed["orderable"], listed["last_refusal"]) == (True, None)
    status, second = await api.post(f"{house.path}/orders", again)
    assert (status, second["order_number"]) == (201, "CMD-2026-0002")


@pytest.mark.parametrize("report", ["sent", "unknown"])
async def test_news_that_crosses_the_wish_ends_it_and_the_order_goes_on(
    house: House, api: ApiClient, report: str
) -> None:
    order = await house.ordered(api, "A-1")
    await api.post(_path(house, order, "withdraw"), NOT_BY_HAND)
    news = house.order_sent(order) if report == "sent" else house.order_send_failed(order, report)
    await house.receive(news)
    _, shown = await api.get(_path(house, order))
    assert (shown["state"], shown["withdrawal_pending"]) == (report, False)
    status, problem = await api.post(_path(house, order, "withdraw"), NOT_BY_HAND)
    assert (status, problem["code"]) == (409, "order-may-have-left")
    with pytest.raises(PermanentError, match="illegal-order-move"):
        await house.receive(house.order_withheld(order))
    assert "order-withdrawn" not in await _types(house)


async def test_a_sending_after_the_withdrawal_is_for_a_person(house: House, api: ApiClient) -> None:
    order = await house.ordered(api, "A-1")
    await api.post(_path(house, order, "withdraw"), NOT_BY_HAND)
    await house.receive(house.order_withheld(order))
    with pytest.raises(PermanentError, match="illegal-order-move"):
        await house.receive(house.order_sent(order))


async def test_what_was_handed_over_by_hand_is_not_withdrawn(house: House, api: ApiClient) -> None:
    order = await house.ordered(api, "A-1")
    path = _path(house, order, "withdraw")
    status, problem = await api.post(path, {"handed_over_by_hand": True})
    assert (status, problem["code"]) == (409, "order-handed-over")
    assert (await api.post(path, {}))[0] == 422, "the declaration is asked for"
    assert await _types(house) == ["order-prepared"]


async def test_a_wish_and_a_confirmation_at_the_same_moment_exclude_each_other(
    house: House, api: ApiClient
) -> None:
    order = await house.ordered(api, "A-1")
    answers = await asyncio.gather(
        api.post(_path(house, order, "withdraw"), NOT_BY_HAND),
        api.post(_path(house, order, "confirm-arrival"), _seen(house)),
    )
    assert sorted(status for status, _ in answers) in ([200, 409], [202, 409])
    assert len(await _types(house)) == 2


async def test_a_person_confirms_line_by_line_and_the_evidence_is_kept(
    house: House, api: ApiClient
) -> None:
    order = await house.ordered(api, "A-1", "A-2")
    house.clock.advance(timedelta(minutes=30))
    body = _seen(house, refusals=[{"invoice_number": "A-2", "refusal_code": "debtor-unknown"}])
    status, confirmed = await api.post(_path(house, order, "confirm-arrival"), body)
    assert status == 200, confirmed
    assert (confirmed["state"], confirmed["accepted_count"]) == ("confirmed", 1)
    assert confirmed["observation"]["seen_by"] == "user-1"
    assert confirmed["observation"]["seen"] == body["seen"]
    told = (await house.told())[-1]
    assert told["type"] == "order-confirmed"
    assert told["evidence"]["kind"] == "person"
    assert told["evidence"]["reference"] == "DBD-77"
    assert body["seen"] not in json.dumps(told), "the person's own words stay in the house"
    document = json.loads(await house.stored(told["confirmation"]))
    assert [line["refusal_code"] for line in document["lines"]] == [None, "debtor-unknown"]
    again, _ = await api.post(_path(house, order, "confirm-arrival"), body)
    assert again == 200
    assert (await _types(house)).count("order-confirmed") == 1
    status, problem = await api.post(_path(house, order, "confirm-arrival"), _seen(house))
    assert (status, problem["code"]) == (422, "arrival-does-not-match")


async def test_an_order_handed_over_by_hand_is_confirmed_by_hand_with_its_refused_lines(
    house: House, api: ApiClient
) -> None:
    order = await house.ordered(api, "A-1", "A-2")
    house.clock.advance(timedelta(minutes=30))
    by_hand = house.order_sent(order).model_copy(update={"evidence": "person"})
    await house.receive(by_hand)
    _, sent = await api.get(_path(house, order))
    assert sent["state"] == "sent"
    refusals = [{"invoice_number": "A-2", "refusal_code": "address-unknown"}]
    body = _seen(house, refusals=refusals)
    status, confirmed = await api.post(_path(house, order, "confirm-arrival"), body)
    assert (status, confirmed["state"], confirmed["refused_count"]) == (200, "confirmed", 1)
    await house.receive(by_hand)
    assert await _types(house) == ["order-prepared", "order-confirmed"]


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"observed_at": "2026-03-01T08:00:00Z"}, "observation-time-impossible"),
        ({"observed_at": "2027-03-01T08:00:00Z"}, "observation-time-impossible"),
        (
            {"refusals": [{"invoice_number": "X-9", "refusal_code": "no"}]},
            "refusal-without-invoice",
        ),
        ({"refusals": [{"invoice_number": "A-1", "refusal_code": "no"}] * 2}, "invalid-request"),
        ({"seen": ""}, "invalid-request"),
        ({"observed_at": "2026-03-02T08:00:00"}, "invalid-request"),
    ],
)
async def test_an_observation_that_cannot_be_is_refused(
    house: House, api: ApiClient, more: dict[str, Any], code: str
) -> None:
    order = await house.ordered(api, "A-1")
    status, problem = await api.post(_path(house, order, "confirm-arrival"), _seen(house, **more))
    assert (status, problem["code"]) == (422, code)
    assert await _types(house) == ["order-prepared"]


async def test_an_order_is_closed_once_it_is_acquitted(house: House, api: ApiClient) -> None:
    order = await house.ordered(api, "A-1")
    path = _path(house, order, "close")
    status, problem = await api.post(path)
    assert (status, problem["code"]) == (409, "order-not-acquitted")
    await house.receive(await house.order_arrived(order, {"A-1": None}))
    await house.receive(house.order_acquitted(order, 1, "120.00"))
    for _ in range(2):
        status, closed = await api.post(path)
        assert (status, closed["state"]) == (200, "closed")
    assert (await _types(house)).count("order-closed") == 1
    listed = (await api.get(f"{house.path}/orderable-invoices"))[1]["items"][0]
    assert listed["reason_code"] == "already-acquitted"


@pytest.mark.parametrize(
    ("move", "body"), [("withdraw", NOT_BY_HAND), ("confirm-arrival", None), ("close", {})]
)
async def test_a_move_of_an_unknown_order_is_not_found(
    house: House, api: ApiClient, move: str, body: dict[str, Any] | None
) -> None:
    await house.open()
    path = _path(house, {"order_id": house.contract_id}, move)
    status, problem = await api.post(path, _seen(house) if body is None else body)
    assert (status, problem["code"]) == (404, "order-not-found")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE orders SET notices = '[]'",
        "UPDATE order_line SET notices = '[]'",
        "UPDATE arrival_observation SET seen = 'other'",
        "DELETE FROM arrival_observation",
    ],
)
async def test_what_was_said_and_seen_cannot_be_changed(house: House, statement: str) -> None:
    with pytest.raises(DBAPIError) as refused:
        await house.rows(statement)
    assert sqlstate(refused.value) == "42501"
