"""All that a dry run foresees can be reached: by reason, page by page, and over many practices."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from services.orders.domain.selection import Reason
from services.orders.entrypoints import replies_preview
from shared.contracts.envelope import ContentRef
from shared.web.endpoints import UserRole
from tests.integration.orders.house import House
from tests.integration.orders.test_corrections import cancelled, invoice_id_of
from tests.support.web import ApiClient

MANY = "/v1/orders/prepare-many/preview"


async def _preview(house: House, api: ApiClient, **more: Any) -> dict[str, Any]:
    wish = {"contract_id": str(house.contract_id), **more}
    status, answer = await api.post(f"{house.path}/orders/preview", wish)
    assert status == 200, answer
    return dict(answer)


def _counts(foreseen: dict[str, Any]) -> dict[str, int]:
    return {each["reason_code"]: each["count"] for each in foreseen["left_out_by_reason"]}


async def _some_of_everything(house: House, api: ApiClient) -> None:
    """One that goes, one in an order, two paid, one with credit, one cancelled, two unfit."""
    await house.ordered(api, "A-1")
    paid_in_order = await invoice_id_of(house, "A-1")
    await house.change_balance(paid_in_order, "0.00")
    await house.issue("B-1")
    await house.issue("B-2", "0.00")
    await house.issue("B-3", "0.00", unfit_codes=("missing-address",))
    await house.issue("B-4", "-5.00")
    for number, balance in (("B-5", "120.00"), ("B-6", "-5.00"), ("B-7", "0.00")):
        await house.receive(cancelled(house, await house.issue(number, balance)))
    await house.issue("B-8", unfit_codes=("missing-address",))


async def test_what_was_paid_or_cancelled_is_counted_and_named_only_if_asked_for(
    house: House, api: ApiClient
) -> None:
    await _some_of_everything(house, api)
    foreseen = await _preview(house, api)
    named = {each["invoice_number"]: each["reason_code"] for each in foreseen["left_out"]}
    assert named == {"A-1": "in-live-order", "B-4": "credit-balance", "B-8": "unfit"}
    counts = {"in-live-order": 1, "zero-balance": 3, "credit-balance": 2, "unfit": 2}
    assert (_counts(foreseen), foreseen["left_out_count"]) == (counts, 8)
    for reason, numbers in {
        "zero-balance": ["B-2", "B-3", "B-7"],
        "credit-balance": ["B-4", "B-6"],
        "unfit": ["B-5", "B-8"],
        "in-live-order": ["A-1"],
    }.items():
        asked = await _preview(house, api, left_out_reason=[reason])
        assert [each["invoice_number"] for each in asked["left_out"]] == numbers
        assert _counts(asked) == counts, "whatever is asked for, the counts are those of the whole"
    both = await _preview(house, api, left_out_reason=["unfit", "zero-balance"])
    assert [each["invoice_number"] for each in both["left_out"]] == [
        "B-2", "B-3", "B-5", "B-7", "B-8",
    ]  # fmt: skip
    assert len((await _preview(house, api, left_out_reason=list(Reason)))["left_out"]) == 8


async def test_every_invoice_that_goes_or_stays_can_be_reached(
    house: House, api: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replies_preview, "LISTED_MAX", 2)
    await house.open()
    going, staying = [f"A-{n}" for n in range(5)], [f"U-{n}" for n in range(4)]
    for number in going:
        await house.issue(number)
    for number in staying:
        await house.issue(number, unfit_codes=("missing-address",))
    seen: dict[str, list[str]] = {"invoices": [], "left_out": []}
    for part, numbers in seen.items():
        page: dict[str, Any] = {f"{part}_next": None}
        while page[f"{part}_next"] is not None or not numbers:
            page = await _preview(house, api, **{f"{part}_after": page[f"{part}_next"]})
            assert (page["invoice_count"], page["left_out_count"]) == (5, 4)
            assert 1 <= len(page[part]) <= 2
            numbers += [each["invoice_number"] for each in page[part]]
    assert seen == {"invoices": going, "left_out": staying}
    wish = {"contract_id": str(house.contract_id), "left_out_after": "x"}
    status, problem = await api.post(f"{house.path}/orders/preview", wish)
    assert (status, problem["code"]) == (422, "cursor-invalid")


async def test_a_dry_run_tells_what_an_order_has_no_room_for(house: House, api: ApiClient) -> None:
    """The documents are announced with their size; nothing is read."""
    await house.open()
    for number in ("A-1", "A-2", "A-3"):
        key, digest = f"{house.practice_id}/invoice-document/{number}", uuid4().hex * 2
        document = ContentRef(
            key=key, sha256=digest, size_bytes=50_000_000, media_type="application/xml"
        )
        await house.issue(number, document=document)
    foreseen = await _preview(house, api)
    assert (foreseen["possible"], foreseen["invoice_count"]) == (True, 2)
    [left_out] = foreseen["left_out"]
    assert (left_out["invoice_number"], left_out["reason_code"]) == ("A-3", "order-full")


async def test_a_dry_run_over_many_practices_says_of_each_contract_what_would_become_of_it(
    house: House, api: ApiClient
) -> None:
    others = [House(house.database, house.clock, house.store) for _ in range(2)]
    fine, busy, idle = [await each.open() for each in (house, *others)]
    office = api.as_user([UserRole.BILLING_OFFICE], [each.practice_id for each in (fine, busy)])
    await fine.issue("A-1")
    await fine.issue("A-2", "80.50")
    await fine.issue("A-3", "0.00")
    await busy.ordered(api, "A-1")
    await busy.issue("A-2")
    status, answer = await office.post(MANY, {})
    assert status == 200, answer
    figures = ("contract_count", "possible_count", "invoice_count")
    assert [answer[name] for name in figures] == [2, 1, 2]
    assert answer["total"]["amount"] == "200.50"
    by_practice = {each["practice_id"]: each for each in answer["contracts"]}
    assert by_practice.keys() == {str(fine.practice_id), str(busy.practice_id)}
    good, held = by_practice[str(fine.practice_id)], by_practice[str(busy.practice_id)]
    assert (good["possible"], good["invoice_count"], good["left_out_count"]) == (True, 2, 1)
    assert good["left_out_by_reason"] == [{"reason_code": "zero-balance", "count": 1}]
    assert [each["code"] for each in held["obstacles"]] == ["order-in-flight"]
    assert (held["possible"], held["invoice_count"]) == (False, 1)
    rule = {"amount_above": {"amount": "100.00"}}
    _, ruled = await office.post(MANY, {"rule": rule})
    assert (ruled["invoice_count"], ruled["total"]["amount"]) == (1, "120.00")
    foreign = {"practice_id": str(idle.practice_id), "contract_id": str(idle.contract_id)}
    status, problem = await office.post(MANY, {"contracts": [foreign]})
    assert (status, problem["code"]) == (422, "contract-unknown")
    for each in (fine, busy):
        assert await each.rows("SELECT 1 FROM prepare_task") == []
    assert (await api.as_user([UserRole.CONTROLLER], [fine.practice_id]).post(MANY, {}))[0] == 403
