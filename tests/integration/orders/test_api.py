"""The orders API on real PostgreSQL: what a billing office sees and does."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from io import BytesIO
from uuid import uuid4
from zipfile import ZipFile

import pytest

from shared.contracts.envelope import ContentRef
from shared.kernel.clock import SystemClock
from shared.web.endpoints import UserRole
from shared.web.paging import cursor
from tests.integration.orders.house import House
from tests.support.web import ApiClient, assert_every_route_is_guarded


async def test_every_route_asks_who_is_calling(house: House, api: ApiClient) -> None:
    await assert_every_route_is_guarded(house.definition.endpoints, api)


async def test_a_controller_reads_but_does_not_order(house: House, api: ApiClient) -> None:
    await house.open()
    controller = api.as_user({UserRole.CONTROLLER}, [house.practice_id])
    assert (await controller.get(f"{house.path}/orders"))[0] == 200
    body = {"contract_id": str(house.contract_id)}
    assert (await controller.post(f"{house.path}/orders", body))[0] == 403


async def test_the_list_judges_each_invoice_and_counts_the_whole(
    house: House, api: ApiClient
) -> None:
    await house.open()
    other = uuid4()
    await house.receive(house.contract_changed(contract_id=other))
    await house.issue("2026-000001")
    await house.issue("2026-000002", "0.00")
    await house.issue("2026-000003", unfit_codes=("missing-address", "bad-gln"))
    await house.issue("2026-000004", contract_id=other)
    await house.issue("2026-000005", without_contract=True)
    await house.issue("2026-000006", "-3.00")
    path = f"{house.path}/orderable-invoices"
    status, answer = await api.get(
        path, contract_id=str(house.contract_id), exclude_zero_balance="false"
    )
    assert status == 200
    assert [(each["invoice_number"], each["reason_code"]) for each in answer["items"]] == [
        ("2026-000001", None),
        ("2026-000002", "zero-balance"),
        ("2026-000003", "unfit"),
        ("2026-000004", "other-contract"),
        ("2026-000005", "no-contract"),
        ("2026-000006", "credit-balance"),
    ]
    assert [each["orderable"] for each in answer["items"]] == [True] + [False] * 5
    assert answer["items"][2]["unfit_codes"] == ["missing-address", "bad-gln"]
    assert (answer["totals"]["count"], answer["totals"]["balance"]["amount"]) == (6, "477.00")
    assert (
        answer["totals"]["orderable_count"],
        answer["totals"]["orderable"]["amount"],
    ) == (1, "120.00")
    _, without_zero = await api.get(path, contract_id=str(house.contract_id))
    assert without_zero["totals"]["count"] == 5
    _, only = await api.get(path, contract_id=str(house.contract_id), only_orderable="true")
    assert [each["invoice_number"] for each in only["items"]] == ["2026-000001"]
    _, any_contract = await api.get(path, only_orderable="true")
    assert [each["invoice_number"] for each in any_contract["items"]] == [
        "2026-000001",
        "2026-000004",
    ]


async def test_the_list_of_invoices_is_paged_without_gap_or_repeat(
    house: House, api: ApiClient
) -> None:
    await house.open()
    numbers = [f"2026-{place:06d}" for place in range(1, 6)]
    for number in reversed(numbers):
        await house.issue(number)
    seen: list[str] = []
    query = {"limit": "2"}
    while True:
        _, page = await api.get(f"{house.path}/orderable-invoices", **query)
        seen += [each["invoice_number"] for each in page["items"]]
        if "after" not in query:
            assert page["totals"]["count"] == 5
        if page["next"] is None:
            break
        query["after"] = page["next"]
    assert seen == numbers


async def test_a_cursor_beyond_the_last_line_gives_an_empty_page(
    house: House, api: ApiClient
) -> None:
    await house.open()
    await house.issue("2026-000001")
    _, order = await api.post(f"{house.path}/orders", {"contract_id": str(house.contract_id)})
    lines = f"{house.path}/orders/{order['order_id']}/lines"
    assert await api.get(lines, after=cursor(2**63 - 1)) == (
        200,
        {"next": None, "totals": None, "items": []},
    )


@pytest.mark.parametrize("where", ["orderable-invoices", "orders"])
async def test_an_invented_cursor_is_refused(house: House, api: ApiClient, where: str) -> None:
    status, problem = await api.get(f"{house.path}/{where}", after="!")
    assert (status, problem["code"], problem["field"]) == (422, "cursor-invalid", "after")


async def test_everything_is_ordered_and_what_stays_behind_is_reported(
    house: House, api: ApiClient
) -> None:
    await house.open()
    await house.issue("2026-000002")
    await house.issue("2026-000001", "80.50")
    zero = await house.issue("2026-000003", "0.00")
    unfit = await house.issue("2026-000004", unfit_codes=("missing-address",))
    body = {"contract_id": str(house.contract_id), "communication": "Acomptes:\n3 × 40.–"}
    status, order = await api.post(f"{house.path}/orders", body)
    assert status == 201
    assert (order["order_number"], order["state"]) == ("CMD-2026-0001", "prepared")
    assert (order["invoice_count"], order["total"]["amount"]) == (2, "200.50")
    assert order["communication"] == "Acomptes:\n3 × 40.–"
    assert order["left_out_count"] == 2
    assert order["left_out"] == [
        {
            "invoice_id": str(zero),
            "invoice_number": "2026-000003",
            "reason_code": "zero-balance",
            "unfit_codes": [],
            "remedy": None,
        },
        {
            "invoice_id": str(unfit),
            "invoice_number": "2026-000004",
            "reason_code": "unfit",
            "unfit_codes": ["missing-address"],
            "remedy": {"service": "invoicing", "operation_id": "correctInvoice"},
        },
    ]
    [told] = await house.told()
    assert (told["type"], told["sequence"]) == ("order-prepared", 1)
    assert told["order_id"] == order["order_id"]
    assert told["package"]["sha256"] == order["package"]["sha256"]
    lines = json.loads(await house.stored(told["lines"]))
    assert [line["invoice_number"] for line in lines["lines"]] == ["2026-000001", "2026-000002"]
    assert lines["lines"][0]["amount"] == {"amount": "80.50", "currency": "CHF"}


async def test_the_package_that_is_downloaded_is_the_package_that_was_frozen(
    house: House, api: ApiClient
) -> None:
    began = SystemClock().today()
    await house.open()
    await house.issue("2026-000001")
    _, order = await api.post(f"{house.path}/orders", {"contract_id": str(house.contract_id)})
    answer = await api.request("GET", f"{house.path}/orders/{order['order_id']}/package")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/zip"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="CMD-2026-0001.zip"'
    assert hashlib.sha256(answer.raw).hexdigest() == order["package"]["sha256"]
    stored_in = {began.year, SystemClock().today().year}
    assert answer.headers["Retain-Until"] in {f"{year + 10}-12-31" for year in stored_in}
    _, shown = await api.get(f"{house.path}/orders/{order['order_id']}")
    assert shown["package"] == order["package"]
    assert shown["package"]["kept_until"] == f"{house.clock.today().year + 10}-12-31"
    assert len(answer.raw) == order["package"]["size_bytes"]
    with ZipFile(BytesIO(answer.raw)) as package:
        assert package.read("invoices/000001.xml") == b"<invoice number='2026-000001'/>"
        assert json.loads(package.read("manifest.json"))["order_id"] == order["order_id"]


async def test_the_same_request_again_is_the_same_order(house: House, api: ApiClient) -> None:
    await house.open()
    await house.issue("2026-000001")
    body = {"contract_id": str(house.contract_id)}
    first = await api.post(f"{house.path}/orders", body, key="once")
    assert await api.post(f"{house.path}/orders", body, key="once") == first
    assert len(await house.told()) == 1


async def test_a_second_order_is_refused_in_words_until_the_first_has_arrived(
    house: House, api: ApiClient
) -> None:
    await house.open()
    await house.issue("2026-000001")
    body = {"contract_id": str(house.contract_id)}
    _, order = await api.post(f"{house.path}/orders", body)
    house.clock.advance(timedelta(minutes=50))
    await house.receive(house.order_sent(order))
    await house.issue("2026-000002")
    status, problem = await api.post(f"{house.path}/orders", body)
    assert (status, problem["code"]) == (409, "order-in-flight")
    assert problem["detail"] == (
        "Order CMD-2026-0001 has been on its way since 02.03.2026 09:50 and has not arrived on"
        " Debident yet. Wait until it has arrived before you send another one."
    )
    assert problem["facts"] == {
        "order_id": order["order_id"],
        "order_number": "CMD-2026-0001",
        "state": "sent",
        "since": "2026-03-02T08:50:00+00:00",
    }
    await house.receive(await house.order_arrived(order, {"2026-000001": None}))
    status, second = await api.post(f"{house.path}/orders", body)
    assert (status, second["order_number"]) == (201, "CMD-2026-0002")


async def test_a_refused_choice_uses_up_no_number_and_leaves_nothing(
    house: House, api: ApiClient
) -> None:
    await house.open()
    good = await house.issue("2026-000001")
    unfit = await house.issue("2026-000002", unfit_codes=("missing-address",))
    strange = uuid4()
    path, contract = f"{house.path}/orders", str(house.contract_id)
    status, problem = await api.post(
        path, {"contract_id": contract, "invoice_ids": [str(good), str(strange)]}
    )
    assert (status, problem["code"], problem["field"]) == (
        422,
        "invoice-unknown",
        "invoice_ids.1",
    )
    status, problem = await api.post(
        path, {"contract_id": contract, "invoice_ids": [str(unfit), str(good)]}
    )
    assert (status, problem["code"]) == (422, "invoices-not-orderable")
    assert problem["facts"]["invoices"][0]["field"] == "invoice_ids.0"
    assert await house.rows("SELECT 1 FROM orders") == []
    assert await house.told() == []
    _, order = await api.post(path, {"contract_id": contract, "invoice_ids": [str(good)]})
    assert order["order_number"] == "CMD-2026-0001"


async def test_a_document_that_is_missing_is_named_and_leaves_nothing(
    house: House, api: ApiClient
) -> None:
    await house.open()
    absent = ContentRef(
        key=f"{house.practice_id}/invoice-document/{'0' * 64}",
        sha256="0" * 64,
        size_bytes=1,
        media_type="application/xml",
    )
    await house.issue("2026-000001", document=absent)
    present = await house.issue("2026-000002")
    path, contract = f"{house.path}/orders", str(house.contract_id)
    status, problem = await api.post(path, {"contract_id": contract})
    assert (status, problem["code"], problem["field"]) == (409, "document-damaged", "invoice_ids")
    assert problem["facts"] == {"invoice_number": "2026-000001"}
    assert await house.rows("SELECT 1 FROM orders") == []
    _, order = await api.post(path, {"contract_id": contract, "invoice_ids": [str(present)]})
    assert order["order_number"] == "CMD-2026-0001"


@pytest.mark.parametrize("fault", ["of another practice", "altered"])
async def test_a_damaged_document_never_gets_into_a_package_and_is_named(
    house: House, api: ApiClient, fault: str
) -> None:
    await house.open()
    whose = uuid4() if fault == "of another practice" else house.practice_id
    stored = await house.store.put(
        practice_id=whose, kind="invoice-document", data=b"<other/>", media_type="text/xml"
    )
    if fault == "altered":
        stored = stored.model_copy(update={"sha256": hashlib.sha256(b"<announced/>").hexdigest()})
    good = await house.issue("2026-000001")
    await house.issue("2026-000002", document=stored)
    path, contract = f"{house.path}/orders", str(house.contract_id)
    status, problem = await api.post(path, {"contract_id": contract})
    assert (status, problem["code"], problem["field"]) == (409, "document-damaged", "invoice_ids")
    assert problem["facts"] == {"invoice_number": "2026-000002"}
    assert "2026-000002" in problem["detail"]
    assert await house.rows("SELECT 1 FROM orders") == []
    assert await house.rows("SELECT 1 FROM order_line") == []
    assert await house.told() == []
    _, order = await api.post(path, {"contract_id": contract, "invoice_ids": [str(good)]})
    assert order["order_number"] == "CMD-2026-0001"


async def test_nothing_to_order_is_said(house: House, api: ApiClient) -> None:
    await house.open()
    await house.issue("2026-000001", "0.00")
    body = {"contract_id": str(house.contract_id)}
    status, problem = await api.post(f"{house.path}/orders", body)
    assert (status, problem["code"]) == (422, "nothing-to-order")
    assert problem["facts"]["left_out"][0]["reason_code"] == "zero-balance"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"communication": "a\u0000b"}, "communication"),
        ({"communication": "a\u001bb"}, "communication"),
        ({"communication": "x" * 2001}, "communication"),
        ({"invoice_ids": []}, "invoice_ids"),
        ({"invoice_ids": ["no-uuid"]}, "invoice_ids.0"),
        ({"contract_id": str(uuid4())}, "contract_id"),
        ({"order_number": "CMD-1"}, "order_number"),
    ],
)
async def test_a_body_that_cannot_be_used_names_its_field(
    house: House, api: ApiClient, change: dict[str, object], field: str
) -> None:
    await house.open()
    await house.issue("2026-000001")
    body = {"contract_id": str(house.contract_id), **change}
    status, problem = await api.post(f"{house.path}/orders", body)
    assert (status, problem["field"]) == (422, field)


async def test_a_zero_balance_by_the_books_is_not_ordered(house: House, api: ApiClient) -> None:
    await house.open()
    paid = await house.issue("2026-000001")
    await house.issue("2026-000002")
    await house.change_balance(paid, "0.00")
    _, order = await api.post(f"{house.path}/orders", {"contract_id": str(house.contract_id)})
    assert order["invoice_count"] == 1
    assert order["left_out"][0]["invoice_id"] == str(paid)


async def test_a_refused_invoice_may_be_ordered_again_and_keeps_its_reason(
    house: House, api: ApiClient
) -> None:
    await house.open()
    await house.issue("2026-000001")
    await house.issue("2026-000002")
    body = {"contract_id": str(house.contract_id)}
    _, order = await api.post(f"{house.path}/orders", body)
    listed = (await api.get(f"{house.path}/orderable-invoices"))[1]["items"]
    assert {(each["reason_code"], each["live_order_number"]) for each in listed} == {
        ("in-live-order", "CMD-2026-0001")
    }
    answers = {"2026-000001": None, "2026-000002": "debtor-unknown"}
    await house.receive(await house.order_arrived(order, answers))
    await house.receive(house.order_acquitted(order, 1, "120.00"))
    first, second = (await api.get(f"{house.path}/orderable-invoices"))[1]["items"]
    assert (first["orderable"], first["reason_code"]) == (False, "already-acquitted")
    assert second["orderable"]
    assert second["last_refusal"] == {
        "order_number": "CMD-2026-0001",
        "refusal_code": "debtor-unknown",
    }
    _, again = await api.post(f"{house.path}/orders", body)
    assert (again["invoice_count"], again["left_out"]) == (1, [])
