"""Why an invoice's positions are what they are: rule, postings, evidence, person, and every row."""

from __future__ import annotations

from typing import Any

from tests.integration.reconciliation.house import House
from tests.support.deb_builder import DebFile, Row
from tests.support.web import ApiClient

FIRST = "2026-000001"
WHY = "the factor confirmed it by telephone"


async def _why(house: House, api: ApiClient, **query: str) -> dict[str, Any]:
    status, found = await api.get(f"{house.path}/positions/{house.invoice_id(FIRST)}", **query)
    assert status == 200, found
    return dict(found)


async def _rows(house: House, api: ApiClient, **query: str) -> dict[str, Any]:
    path = f"{house.path}/positions/{house.invoice_id(FIRST)}/rows"
    status, found = await api.get(path, **query)
    assert status == 200, found
    return dict(found)


def _posted(fact: dict[str, Any]) -> dict[str, str]:
    return {line["account"]: line["amount"]["amount"] for line in fact["postings"]}


async def _confirmed_by_hand(house: House) -> None:
    await house.open(acquittal="manual")
    await house.receive(house.invoice_issued(FIRST, "120.00"))
    await house.receive(await house.order_confirmed([(FIRST, "120.00", True)]))


async def test_a_manual_acquittal_shows_rule_postings_arrival_and_the_person(
    house: House, api: ApiClient
) -> None:
    await _confirmed_by_hand(house)
    observed = house.clock.now().isoformat().replace("+00:00", "Z")
    path = f"{house.path}/orders/{house.order_id('CMD-2026-0001')}/acquit"
    assert (await api.post(path, {}))[0] == 200
    fact = (await _why(house, api))["history"][-1]
    assert fact["kind"] == "acquittal"
    assert fact["rule"] == {
        "kind": "acquittal",
        "case": None,
        "label": "Acquittal",
        "amount": "positive",
        "debtor": "0",
        "factor": "+",
    }
    assert _posted(fact) == {"1088": "120.00", "1100": "-120.00"}
    assert fact["evidence"] == {
        "kind": "portal-status",
        "reference": "P-1",
        "observed_at": observed,
    }
    assert fact["person"] == {"decision": "acquit", "by": "user-1", "at": observed, "reason": None}
    _, page = await api.get(f"{house.path}/acquittals")
    assert [one["decided_by"] for one in page["items"]] == ["user-1"]


async def test_an_automatic_acquittal_knows_no_person(house: House, api: ApiClient) -> None:
    await house.acquitted_invoices("120.00")
    issued, acquitted = (await _why(house, api))["history"]
    assert acquitted["person"] is None
    assert issued["evidence"] == {"kind": "invoice", "reference": FIRST, "observed_at": None}
    _, page = await api.get(f"{house.path}/acquittals")
    assert [one["decided_by"] for one in page["items"]] == [None]


async def test_each_row_names_the_line_of_the_posting_table_by_which_it_was_booked(
    house: House, api: ApiClient
) -> None:
    await house.acquitted_invoices("120.00")
    await house.book(
        DebFile(
            (
                Row("R-1", "reminder_fee", rappen=2000, beneficiary="P"),
                Row("R-2", "reminder_fee", rappen=1000, beneficiary="F"),
                Row("R-3", "write_off", rappen=500),
            )
        )
    )
    history = (await _why(house, api))["history"][2:]
    assert [(one["rule"]["kind"], one["rule"]["case"], _posted(one)) for one in history] == [
        ("reminder_fee", "practice", {"1088": "20.00", "3409": "-20.00"}),
        ("reminder_fee", "factor", {}),
        ("write_off", "with the factor, no loss cover", {"3805": "5.00", "1088": "-5.00"}),
    ]
    assert [one["evidence"]["reference"] for one in history] == [
        f"F-0001, line {line}" for line in (2, 3, 4)
    ]


async def test_every_row_that_names_the_invoice_is_listed_whatever_became_of_it(
    house: House, api: ApiClient
) -> None:
    await house.acquitted_invoices("120.00", "80.00")
    paid = Row("R-1", "debtor_payment", rappen=5000)
    await house.book(
        DebFile(
            (
                paid,
                paid.but(record_id="R-2", rappen=90_000),
                Row("R-3", "payout", invoice="2026-000002", rappen=100),
            )
        )
    )
    second = DebFile((paid, Row("R-5", "sent")), file_id="F-0002", previous="F-0001")
    await house.book(second)
    page = await _rows(house, api)
    assert [
        (one["file_id"], one["line"], one["status"], one["reason_code"]) for one in page["items"]
    ] == [
        ("F-0001", 2, "booked", None),
        ("F-0001", 3, "parked", "overpayment"),
        ("F-0002", 2, "repeat", None),
        ("F-0002", 3, "booked", None),
    ]
    assert page["items"][2]["repeat_of"]["line"] == 2
    assert page["totals"]["count"] == 4
    first = await _rows(house, api, limit="3")
    rest = await _rows(house, api, limit="3", after=first["next"])
    assert first["items"] + rest["items"] == page["items"]
    assert rest["next"] is None


async def test_rows_that_wait_for_review_or_were_undone_are_listed_too(
    house: House, api: ApiClient
) -> None:
    await house.acquitted_invoices("120.00")
    paid = Row("R-1", "debtor_payment", rappen=5000)
    parked = paid.but(record_id="R-3", rappen=90_000)
    file = await house.book(DebFile((paid, Row("R-2", "payout", rappen=12_000), parked)))
    again = DebFile((paid,), file_id="F-0002", previous="F-0001")
    repeats = await house.book(again)
    for each in (repeats, file):
        path = f"{house.path}/deb-files/{each}/undo"
        assert (await api.post(path, {"reason": WHY}))[0] in (200, 202)
        await house.work()
    await house.receive(house.contract_changed(contract_version=2, deb_booking="review"))
    await house.book(DebFile((paid.but(record_id="R-9"),), file_id="F-0003", previous="F-0002"))
    statuses = [one["status"] for one in (await _rows(house, api))["items"]]
    assert statuses == ["undone", "undone", "undone", "repeat", "staged"]
    undo = (await _why(house, api))["history"][-1]
    assert (undo["kind"], undo["rule"]["kind"]) == ("undo", "undo")
    assert (undo["person"]["decision"], undo["person"]["by"]) == ("undo", "user-1")
    assert undo["person"]["reason"] == WHY


async def test_a_file_that_a_person_had_booked_says_so_on_each_of_its_facts(
    house: House, api: ApiClient
) -> None:
    await house.acquitted_invoices("120.00")
    await house.receive(house.contract_changed(contract_version=2, deb_booking="review"))
    file = await house.book(DebFile((Row("R-1", "debtor_payment", rappen=5000),)))
    assert (await api.post(f"{house.path}/deb-files/{file}/book", {}))[0] in (200, 202)
    await house.work()
    fact = (await _why(house, api))["history"][-1]
    assert (fact["person"]["decision"], fact["person"]["by"]) == ("book", "user-1")


async def test_a_row_that_a_person_booked_and_a_line_that_a_person_left_name_the_person(
    house: House, api: ApiClient
) -> None:
    await house.open()
    await house.receive(house.invoice_issued(FIRST, "120.00"))
    await house.receive(await house.order_confirmed([(FIRST, "110.00", True)]))
    _, page = await api.get(f"{house.path}/acquittal-exceptions")
    path = f"{house.path}/acquittal-exceptions/{page['items'][0]['exception_id']}/decision"
    assert (await api.post(path, {"decision": "leave", "reason": WHY}))[0] == 200
    fact = (await _why(house, api))["history"][-1]
    assert fact["kind"] == "acquittal_left"
    assert (fact["person"]["decision"], fact["person"]["reason"]) == ("leave", WHY)
    assert fact["evidence"]["kind"] == "portal-status"


async def test_a_long_history_comes_in_parts(house: House, api: ApiClient) -> None:
    await house.acquitted_invoices("120.00")
    await house.book(DebFile(tuple(Row(f"R-{n}", "sent") for n in range(3))))
    whole = (await _why(house, api))["history"]
    first = await _why(house, api, limit="3")
    rest = await _why(house, api, limit="3", after=first["next"])
    assert first["history"] + rest["history"] == whole
    assert (len(whole), rest["next"]) == (5, None)


async def test_positions_of_a_past_day_are_what_the_facts_up_to_it_say(
    house: House, api: ApiClient
) -> None:
    await house.acquitted_invoices("120.00", "80.00")
    await house.book(
        DebFile(
            (
                Row("R-1", "debtor_payment", rappen=5000, event_date="20260310"),
                Row("R-2", "payout", rappen=3000, event_date="20260401", value_date="20260405"),
            )
        )
    )
    path = f"{house.path}/positions/{house.invoice_id(FIRST)}/balance"
    found = {}
    for day in ("2026-03-01", "2026-03-02", "2026-03-10", "2026-04-01", "2026-04-04", "2026-04-05"):
        status, one = await api.get(path, at=day)
        assert status == 200
        found[day] = (one["debtor_owes"]["total"]["amount"], one["factor_owes"]["amount"])
    assert found == {
        "2026-03-01": ("0.00", "0.00"),
        "2026-03-02": ("120.00", "0.00"),
        "2026-03-10": ("70.00", "0.00"),
        "2026-04-01": ("70.00", "120.00"),
        "2026-04-04": ("70.00", "120.00"),
        "2026-04-05": ("70.00", "90.00"),
    }
    for day in found:
        _, sums = await api.get(f"{house.path}/balances/positions", at=day)
        _, sheet = await api.get(f"{house.path}/balances", at=day)
        [factor] = [one for one in sheet["accounts"] if one["account"] == "1088"]
        assert sums["factor_owes"] == factor["balance"], day
    assert sums["debtor_owes"]["total"]["amount"] == "150.00"
    assert sums["invoices"] == 2
    status, problem = await api.get(
        f"{house.path}/positions/{house.order_id('none')}/balance", at="2026-03-01"
    )
    assert (status, problem["code"]) == (404, "invoice-not-found")
