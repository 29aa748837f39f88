"""The reconciliation API over a real socket."""

from __future__ import annotations

from uuid import uuid4

import pytest

from shared.kernel.money import Money
from shared.web.endpoints import UserRole
from shared.web.paging import cursor
from tests.integration.reconciliation.house import House
from tests.integration.reconciliation.test_deb_booking import ROWS
from tests.support.deb_builder import DebFile, Row
from tests.support.web import ApiClient, assert_every_route_is_guarded


async def _booked(house: House) -> str:
    await house.acquitted_invoices("120.00", "80.00")
    return str(await house.book(DebFile((*ROWS, Row("R-8", "surprise", rappen=700)))))


async def test_every_route_is_guarded(house: House, api: ApiClient) -> None:
    await assert_every_route_is_guarded(house.definition.endpoints, api)


async def test_acquittals_are_listed_per_order_and_page_by_page(
    house: House, api: ApiClient
) -> None:
    await _booked(house)
    order_id = house.order_id("CMD-2026-0001")
    status, first = await api.get(f"{house.path}/acquittals", order_id=str(order_id), limit="1")
    assert status == 200
    (one,) = first["items"]
    assert (one["invoice_number"], one["amount"]) == (
        "2026-000001",
        {"amount": "120.00", "currency": "CHF"},
    )
    assert (one["ledger_account"], one["label"]) == ("1088", "Transmis CMD")
    _, second = await api.get(f"{house.path}/acquittals", limit="1", after=first["next"])
    assert [item["invoice_number"] for item in second["items"]] == ["2026-000002"]
    assert second["next"] is None
    _, none = await api.get(f"{house.path}/acquittals", order_id=str(uuid4()))
    assert none == {
        "items": [],
        "next": None,
        "totals": {"count": 0, "exact": True, "amount": {"amount": "0.00", "currency": "CHF"}},
    }


@pytest.mark.parametrize("path", ["acquittals", "positions", "journal", "deb-files", "parked-rows"])
async def test_the_first_page_counts_what_all_pages_hold(
    house: House, api: ApiClient, path: str
) -> None:
    await _booked(house)
    _, whole = await api.get(f"{house.path}/{path}")
    totals, items = whole["totals"], whole["items"]
    assert (totals["count"], totals["exact"]) == (len(items), True)
    for name in set(totals) - {"count", "exact"}:
        amounts = [
            one[name].get("total", one[name])["amount"]
            if name == "debtor_owes"
            else one[name]["amount"]
            for one in items
            if one[name]
        ]
        assert Money.parse(totals[name]["amount"]) == sum(map(Money.parse, amounts), Money(0))
    if whole["items"]:
        _, first = await api.get(f"{house.path}/{path}", limit="1")
        assert first["totals"] == totals


async def test_positions_tell_d_p_and_the_asterisk(house: House, api: ApiClient) -> None:
    await _booked(house)
    await house.receive(house.invoice_issued("2026-000003", "10.00"))
    _, page = await api.get(f"{house.path}/positions")
    assert [
        (
            item["invoice_number"],
            item["debtor_owes"]["total"]["amount"],
            item["factor_owes"]["amount"],
            item["with_factor"],
            item["paid"],
        )
        for item in page["items"]
    ] == [
        ("2026-000001", "0.00", "0.00", True, True),
        ("2026-000002", "80.00", "80.00", True, False),
        ("2026-000003", "10.00", "0.00", False, False),
    ]
    _, page = await api.get(f"{house.path}/positions", with_factor="false")
    assert [item["invoice_number"] for item in page["items"]] == ["2026-000003"]
    _, page = await api.get(f"{house.path}/positions", limit="2")
    _, rest = await api.get(f"{house.path}/positions", limit="2", after=page["next"])
    assert [item["invoice_number"] for item in rest["items"]] == ["2026-000003"]


async def test_a_position_explains_itself_down_to_file_and_line(
    house: House, api: ApiClient
) -> None:
    deb_file_id = await _booked(house)
    invoice_id = house.invoice_id("2026-000001")
    status, position = await api.get(f"{house.path}/positions/{invoice_id}")
    assert status == 200
    assert [fact["kind"] for fact in position["history"]] == [
        "invoice_issued",
        "acquittal",
        "reminder_fee",
        "sent",
        "reminder",
        "debtor_payment",
        "payout",
        "factor_fee",
        "closed",
    ]
    payout = position["history"][6]
    assert payout["source"] == {
        "deb_file_id": deb_file_id,
        "file_id": "F-0001",
        "portal_file_id": "deb-1.txt",
        "line": 6,
        "record_id": "R-5",
    }
    assert payout["factor_change"]["amount"] == "-115.00"
    assert payout["order_number"] == "CMD-2026-0001"
    assert payout["journal_number"] == 5
    status, problem = await api.get(f"{house.path}/positions/{uuid4()}")
    assert (status, problem["code"]) == (404, "invoice-not-found")


async def test_the_journal_is_read_in_order_with_its_postings(house: House, api: ApiClient) -> None:
    await _booked(house)
    _, first = await api.get(f"{house.path}/journal", limit="4")
    _, second = await api.get(f"{house.path}/journal", limit="4", after=first["next"])
    items = first["items"] + second["items"]
    assert [entry["number"] for entry in items] == [1, 2, 3, 4, 5, 6]
    assert second["next"] is None
    assert items[1]["previous_hash"] == items[0]["entry_hash"]
    acquittal = items[2]
    assert [
        (line["account"], line["amount"]["amount"], line["confirmed_order_id"])
        for line in acquittal["postings"]
    ] == [("1088", "120.00", acquittal["order_id"]), ("1100", "-120.00", None)]
    assert (items[4]["file_id"], items[4]["deb_line"]) == ("F-0001", 6)


async def test_balances_are_those_of_a_day_and_add_up_to_nothing(
    house: House, api: ApiClient
) -> None:
    await _booked(house)
    _, today = await api.get(f"{house.path}/balances")
    assert today["total"]["amount"] == "0.00"
    accounts = {line["account"]: line["balance"]["amount"] for line in today["accounts"]}
    assert accounts == {
        "1020": "115.00",
        "1088": "80.00",
        "1100": "0.00",
        "2009": "0.00",
        "2030": "0.00",
        "3400": "-200.00",
        "3409": "0.00",
        "3805": "0.00",
        "6940": "5.00",
    }
    _, before = await api.get(f"{house.path}/balances", on="2026-03-02")
    accounts = {line["account"]: line["balance"]["amount"] for line in before["accounts"]}
    assert (accounts["1100"], accounts["1088"], accounts["1020"]) == ("200.00", "0.00", "0.00")
    assert before["total"]["amount"] == "0.00"


async def test_deb_files_their_rows_and_the_queue_of_parked_rows(
    house: House, api: ApiClient
) -> None:
    deb_file_id = await _booked(house)
    await house.book(DebFile(ROWS, file_id="F-0009", previous="F-0008"))
    _, files = await api.get(f"{house.path}/deb-files")
    assert [(file["file_id"], file["status"], file["reason_code"]) for file in files["items"]] == [
        ("F-0009", "held", "sequence-gap"),
        ("F-0001", "booked", None),
    ]
    _, held = await api.get(f"{house.path}/deb-files", status="held")
    assert len(held["items"]) == 1
    _, both = await api.get(f"{house.path}/deb-files", status=["held", "booked"])
    assert (len(both["items"]), both["totals"]["count"]) == (2, 2)
    assert (await api.get(f"{house.path}/deb-files", status=["held", "lost"]))[0] == 422
    _, file = await api.get(f"{house.path}/deb-files/{deb_file_id}")
    assert [file[name] for name in ("rows_read", "booked", "repeats", "parked")] == [8, 7, 0, 1]
    _, rows = await api.get(f"{house.path}/deb-files/{deb_file_id}/rows", status="parked")
    (row,) = rows["items"]
    assert (row["line"], row["kind"], row["reason_code"]) == (9, "surprise", "unknown-kind")
    assert row["raw"].startswith("RR-8")
    _, parked = await api.get(f"{house.path}/parked-rows")
    assert parked["items"] == rows["items"]
    _, none = await api.get(f"{house.path}/parked-rows", reason_code="overpayment")
    assert none["items"] == []
    codes = ["overpayment", "unknown-kind"]
    assert (await api.get(f"{house.path}/parked-rows", reason_code=codes))[1] == parked
    rows_path = f"{house.path}/deb-files/{deb_file_id}/rows"
    _, of_two = await api.get(rows_path, status=["parked", "booked"])
    assert of_two["totals"]["count"] == 8
    assert (await api.get(rows_path, status=["parked", "lost"]))[0] == 422
    _, first = await api.get(f"{house.path}/deb-files/{deb_file_id}/rows", limit="5")
    _, rest = await api.get(
        f"{house.path}/deb-files/{deb_file_id}/rows", limit="5", after=first["next"]
    )
    assert [row["line"] for row in first["items"] + rest["items"]] == list(range(2, 10))
    status, problem = await api.get(f"{house.path}/deb-files/{uuid4()}/rows")
    assert (status, problem["code"]) == (404, "deb-file-not-found")


async def test_the_queue_of_parked_rows_goes_on_behind_its_cursor(
    house: House, api: ApiClient
) -> None:
    await house.acquitted_invoices("120.00")
    rows = tuple(Row(f"R-{number}", "surprise") for number in range(3))
    await house.book(DebFile(rows))
    await house.book(DebFile(rows, file_id="F-0002", previous="F-0001"))
    seen: list[tuple[str, int]] = []
    after: dict[str, str] = {}
    for _ in range(3):
        _, page = await api.get(f"{house.path}/parked-rows", limit="2", **after)
        seen += [(row["file_id"], row["line"]) for row in page["items"]]
        after = {"after": page["next"]}
    assert page["next"] is None
    assert seen == [(file, line) for file in ("F-0001", "F-0002") for line in (2, 3, 4)]


async def test_a_cursor_of_somebody_s_own_making_is_refused(house: House, api: ApiClient) -> None:
    await _booked(house)
    for path in ("journal", "acquittals", "deb-files", "positions", "parked-rows"):
        for broken in ("!!", "LTE", cursor(1, 2, 3), cursor()):
            status, problem = await api.get(f"{house.path}/{path}", after=broken)
            assert (status, problem["code"]) == (422, "cursor-invalid"), (path, broken)


async def test_behind_the_last_place_that_there_can_be_nothing_is_left(
    house: House, api: ApiClient
) -> None:
    rows = f"deb-files/{await _booked(house)}/rows"
    last = 2**63 - 1
    for path in ("journal", "acquittals", rows, "parked-rows"):
        after = cursor(last, last) if path == "parked-rows" else cursor(last)
        status, page = await api.get(f"{house.path}/{path}", after=after)
        assert (status, page) == (200, {"items": [], "next": None, "totals": None}), path


async def test_the_check_of_the_books_says_that_they_hold(house: House, api: ApiClient) -> None:
    await _booked(house)
    status, found = await api.get(f"{house.path}/books-check")
    assert status == 200
    assert found == {
        "balanced": True,
        "entries": 6,
        "postings": 12,
        "hash_chain_intact": True,
        "factor_account_matches_positions": True,
        "positions_match_facts": True,
        "rows_add_up": True,
        "rows_match_facts": True,
        "closed_periods_unchanged": True,
        "detail": [],
    }
    status, problem = await api.get(f"/v1/practices/{uuid4()}/books-check")
    assert (status, problem["code"]) == (404, "practice-not-found")


async def test_a_controller_reads_everything_and_acquits_nothing(
    house: House, api: ApiClient
) -> None:
    await _booked(house)
    controller = api.as_user([UserRole.CONTROLLER], [house.practice_id])
    status, _ = await controller.get(f"{house.path}/journal")
    assert status == 200
    status, problem = await controller.post(f"{house.path}/orders/{uuid4()}/acquit")
    assert (status, problem["code"]) == (403, "role-not-allowed")


async def test_a_user_of_one_practice_finds_nothing_of_another(
    house: House, api: ApiClient
) -> None:
    deb_file_id = await _booked(house)
    stranger = House(house.database, house.clock)
    await stranger.open()
    other = api.as_user(practices=[stranger.practice_id])
    status, _ = await other.get(f"{house.path}/positions")
    assert status == 404
    status, _ = await other.get(f"{stranger.path}/deb-files/{deb_file_id}")
    assert status == 404
    _, page = await other.get(f"{stranger.path}/positions")
    assert page["items"] == []
