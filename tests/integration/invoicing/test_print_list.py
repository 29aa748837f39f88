"""The list of all invoices to print: filters, search, sums, pages, CSV, and marking as printed."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import text

from services.invoicing.entrypoints import invoices as operations
from services.invoicing.views.invoices import InvoiceFilter, invoice_selection
from shared.db import Database, Scope
from shared.db.engine import set_scope
from shared.testing import FrozenClock
from tests.integration.invoicing.office import Office, open_office
from tests.support.web import ApiClient
from tests.unit.invoicing.bodies import A_POSITION, chf


async def three_invoices(office: Office) -> list[Any]:
    """Issue invoices of 120.00, of 120.00 paid in full, and of 60.00 for Zoé Müller."""
    first = await office.invoice()
    second = await office.invoice(deposit=chf("120.00"), contract_id=None)
    patient_id = await office.patient(family_name="Müller", given_name="Zoé", guarantor=None)
    half = A_POSITION | {"points": "50"}
    treatment = await office.treatment(patient_id=patient_id, positions=[half])
    return [first, second, await office.invoice(treatment)]


def numbers(page: Any) -> list[str]:
    """Return the serial ends of a page's invoice numbers."""
    return [one["invoice_number"][-1] for one in page["items"]]


async def test_each_filter_narrows_the_list_and_its_sums(office: Office) -> None:
    first, _, third = await three_invoices(office)
    await office.post("invoices/printed", {"invoice_ids": [first["invoice_id"]]}, status=200)
    cases = [
        ({}, "123", "300.00"),
        ({"not_printed": "true"}, "23", "180.00"),
        ({"exclude_zero_balance": "true"}, "13", "180.00"),
        ({"contract_id": office.contract_id}, "13", "180.00"),
        ({"without_contract": "true"}, "2", "120.00"),
        ({"patient_id": third["patient_id"]}, "3", "60.00"),
        ({"total_from": "60.01"}, "12", "240.00"),
        ({"total_to": "60.00"}, "3", "60.00"),
        ({"issued_from": "2026-03-02", "issued_to": "2026-03-02"}, "123", "300.00"),
        ({"issued_from": "2026-03-03"}, "", "0.00"),
        ({"issued_to": "2026-03-01"}, "", "0.00"),
        ({"state": "cancelled"}, "", "0.00"),
        ({"not_printed": "true", "exclude_zero_balance": "true"}, "3", "60.00"),
    ]
    for query, expected, total in cases:
        page = await office.get("invoices", **query)
        assert numbers(page) == list(expected), query
        assert page["totals"]["count"] == len(expected), query
        assert page["totals"]["total"] == chf(total), query


async def test_a_list_takes_several_states_and_a_range_of_balances(office: Office) -> None:
    first, second, third = await three_invoices(office)
    await office.post(
        f"invoices/{first['invoice_id']}/cancel", {"reason_code": "error"}, status=200
    )
    patient_id = await office.patient(family_name="Rossi", given_name="Ida", guarantor=None)
    await office.invoice(await office.treatment(patient_id=patient_id))
    cases: list[tuple[dict[str, str | list[str]], str, str]] = [
        ({"state": ["issued"]}, "234", "180.00"),
        ({"state": ["issued", "cancelled"]}, "1234", "180.00"),
        ({"state": ["cancelled", "acquitted", "cancelled"]}, "1", "0.00"),
        ({"state": ["ordered", "closed"]}, "", "0.00"),
        (
            {"state": ["issued", "cancelled"], "collection_stage": ["cancelled", "closed"]},
            "1",
            "0.00",
        ),
        ({"balance_from": "60.00"}, "34", "180.00"),
        ({"balance_from": "60.01"}, "4", "120.00"),
        ({"balance_from": "0.05", "balance_to": "60.00"}, "3", "60.00"),
        ({"balance_to": "59.95"}, "12", "0.00"),
        ({"balance_to": "-0.05"}, "", "0.00"),
        ({"balance_from": "0.00", "total_to": "60.00"}, "3", "60.00"),
        ({"state": ["issued", "ordered"], "balance_from": "0.05", "text": "zoe"}, "3", "60.00"),
    ]
    path = f"{office.path}/invoices"
    for query, expected, balance in cases:
        status, page = await office.api.get(path, **query)
        assert (status, numbers(page)) == (200, list(expected)), query
        assert page["totals"]["count"] == len(expected), query
        assert page["totals"]["balance"] == chf(balance), query
        answer = await office.api.request("GET", f"{path}.csv", query=query)
        written = csv.DictReader(io.StringIO(answer.raw.decode("utf-8-sig")), delimiter=";")
        assert [line["invoice_number"][-1] for line in written] == list(expected), query
        _, over_all = await office.api.get("/v1/invoices", **query)
        assert over_all["items"] == page["items"], query
    assert second["balance"] == chf("0.00")
    assert third["balance"] == chf("60.00")


async def test_the_pages_of_several_states_hold_each_invoice_once(office: Office) -> None:
    issued = [await office.invoice() for _ in range(5)]
    for one in issued[1::2]:
        path = f"invoices/{one['invoice_id']}/cancel"
        await office.post(path, {"reason_code": "error"}, status=200)
    seen, after = [], None
    while after is not None or not seen:
        query = {"limit": "2"} | ({"after": after} if after else {})
        _, page = await office.api.get(
            f"{office.path}/invoices", state=["cancelled", "issued"], **query
        )
        seen += [one["invoice_number"] for one in page["items"]]
        after = page["next"]
    assert seen == [one["invoice_number"] for one in issued]


async def test_a_list_from_a_day_on_misses_nothing_that_has_an_earlier_number(
    office: Office, api: ApiClient, clock: FrozenClock
) -> None:
    for day in ("2026-03-02", "2026-04-01", "2026-03-15", "2026-04-20"):
        clock.move_to(datetime.fromisoformat(f"{day}T08:00:00+00:00"))
        office = replace(office, api=api.as_user(practices=[office.practice_id]))
        await office.invoice()
    cases = {
        "2026-03-02": "1234",
        "2026-03-03": "234",
        "2026-03-16": "24",
        "2026-04-02": "4",
        "2026-04-21": "",
    }
    for day, expected in cases.items():
        page = await office.get("invoices", issued_from=day)
        assert (numbers(page), page["totals"]["count"]) == (list(expected), len(expected)), day
    page = await office.get("invoices", issued_from="2026-03-03", limit="2")
    rest = await office.get("invoices", issued_from="2026-03-03", limit="2", after=page["next"])
    assert numbers(page) + numbers(rest) == ["2", "3", "4"]
    within = await office.get("invoices", issued_from="2026-03-10", issued_to="2026-03-31")
    assert numbers(within) == ["3"]


@pytest.mark.parametrize(
    "query",
    [
        {"state": ["issued", "lost"]},
        {"state": ["issued,cancelled"]},
        {"balance_from": "1"},
        {"balance_to": "+1.00"},
        {"balance_from": "-.50"},
    ],
)
async def test_a_state_or_balance_that_nobody_knows_is_refused(
    office: Office, query: dict[str, str | list[str]]
) -> None:
    for path in (f"{office.path}/invoices", f"{office.path}/invoices.csv", "/v1/invoices"):
        status, problem = await office.api.get(path, **query)
        assert (status, problem["code"]) == (422, "invalid-request"), path


async def test_a_list_of_what_is_owed_has_an_index_of_its_own(
    office: Office, database: Database
) -> None:
    wanted = InvoiceFilter(balance_from_rappen=5)
    selection, values = invoice_selection([office.practice_id], wanted)
    async with database.engine.connect() as connection:
        await set_scope(connection, Scope.of(office.practice_id))
        for setting in ("enable_seqscan", "enable_bitmapscan", "enable_sort"):
            await connection.execute(text(f"SET LOCAL {setting} = off"))
        plan = await connection.execute(
            text(f"EXPLAIN {selection} ORDER BY i.practice_id, i.year, i.serial LIMIT 5"), values
        )
        lines = "\n".join(plan.scalars())
        await connection.rollback()
    assert "invoice_with_balance" in lines


async def two_offices(office: Office, api: ApiClient, database: Database) -> list[Office]:
    """Return two practices' offices, in the order of their ids."""
    other = await open_office(api, database)
    return sorted([office, other], key=lambda one: one.practice_id)


async def test_a_billing_office_sees_the_invoices_of_its_practices_and_no_others(
    office: Office, api: ApiClient, database: Database
) -> None:
    first, second = await two_offices(office, api, database)
    stranger = await open_office(api, database)
    for one, deposit in ((first, "20.00"), (first, "0.00"), (second, "120.00")):
        await one.invoice(deposit=chf(deposit))
    await stranger.invoice()
    ours = api.as_user(practices=[first.practice_id, second.practice_id])
    _, all_of_them = await ours.get("/v1/invoices")
    found = [(one["practice_id"], one["invoice_number"][-1]) for one in all_of_them["items"]]
    ids = str(first.practice_id), str(second.practice_id)
    assert found == [(ids[0], "1"), (ids[0], "2"), (ids[1], "1")]
    assert (all_of_them["totals"]["count"], all_of_them["totals"]["total"]) == (3, chf("360.00"))
    _, open_ones = await ours.get("/v1/invoices", exclude_zero_balance="true")
    assert (open_ones["totals"]["count"], open_ones["totals"]["balance"]) == (2, chf("220.00"))
    wanted = [str(second.practice_id), str(stranger.practice_id)]
    _, chosen = await ours.get("/v1/invoices", practice_id=wanted)
    assert [one["practice_id"] for one in chosen["items"]] == [ids[1]]
    assert chosen["totals"]["count"] == 1
    _, single = await ours.get("/v1/invoices", practice_id=[str(stranger.practice_id)])
    assert (single["items"], single["totals"]["count"]) == ([], 0)


async def test_the_pages_over_several_practices_hold_each_invoice_once(
    office: Office, api: ApiClient, database: Database
) -> None:
    offices = await two_offices(office, api, database)
    for one in (*offices, *offices, offices[0]):
        await one.invoice()
    ours = api.as_user(practices=[one.practice_id for one in offices])
    seen, after = [], None
    while True:
        query = {"limit": "2"} | ({"after": after} if after else {})
        _, page = await ours.get("/v1/invoices", **query)
        seen += [(one["practice_id"], one["invoice_number"]) for one in page["items"]]
        after = page["next"]
        if after is None:
            break
    assert len(seen) == 5
    assert seen == sorted(set(seen))


async def test_a_word_is_looked_for_in_the_practices_that_are_meant(
    office: Office, api: ApiClient, database: Database
) -> None:
    offices = await two_offices(office, api, database)
    for one in offices:
        patient_id = await one.patient(family_name="Müller", given_name="Zoé", guarantor=None)
        await one.invoice(await one.treatment(patient_id=patient_id))
        await one.invoice()
    ours = api.as_user(practices=[one.practice_id for one in offices])
    for practices, count in (([], 2), ([offices[1]], 1), (offices, 2)):
        ids = [str(one.practice_id) for one in practices]
        _, page = await ours.get("/v1/invoices", text="mull zoe", practice_id=ids)
        assert page["totals"]["count"] == count
        assert {one["patient_name"] for one in page["items"]} == {"Müller Zoé"}


async def test_text_finds_numbers_and_names_whatever_their_case_and_accents(
    office: Office,
) -> None:
    await three_invoices(office)
    cases = {
        "2026-000003": "3",
        "2026-00000": "123",
        "3": "3",
        "mull": "3",
        "MÜLLER": "3",
        "zoe": "3",
        "Zoé Mül": "3",
        "zoe exemple": "",
        "d-77": "12",
        "EXEMPLE": "12",
        "ller": "",
        "%": "",
    }
    for wanted, expected in cases.items():
        page = await office.get("invoices", text=wanted)
        assert numbers(page) == list(expected), wanted


_MANY_PATIENTS = """
  INSERT INTO patient (practice_id, patient_id, patient_number, family_name, given_name, birth_date,
                       sex, gender)
  SELECT :practice, gen_random_uuid(), 'X-' || n, 'Name' || n, 'Given' || n, '1980-01-01',
         'female', 'female'
  FROM generate_series(1, 3000) AS n
"""


@pytest.mark.parametrize("column", ["family_search", "given_search"])
async def test_a_search_uses_its_index_under_row_level_security(
    office: Office, database: Database, column: str
) -> None:
    async with database.engine.connect() as connection:
        await set_scope(connection, Scope.of(office.practice_id))
        values = {"practice": office.practice_id}
        await connection.execute(text(_MANY_PATIENTS), values)
        plan = await connection.execute(
            text(
                "EXPLAIN SELECT 1 FROM patient WHERE practice_id = :practice"  # noqa: S608
                f" AND {column} >= search_form('É') AND {column} < search_form('É') || 'z'"
            ),
            values,
        )
        lines = "\n".join(plan.scalars())
        await connection.rollback()
    assert f"patient_by_{column}" in lines
    assert f"({column} >= 'e'" in lines.replace("::text", "")


async def test_the_comparisons_of_a_search_are_leakproof(database: Database) -> None:
    async with database.engine.connect() as connection:
        found = await connection.execute(
            text(
                "SELECT bool_and(proleakproof) FROM pg_proc WHERE proname IN ('text_ge','text_lt')"
            )
        )
        assert found.scalar_one() is True


async def test_pages_follow_each_other_and_the_first_tells_the_sums_of_all(office: Office) -> None:
    await three_invoices(office)
    page = await office.get("invoices", limit="2", text="2026")
    assert numbers(page) == ["1", "2"]
    last = await office.get("invoices", limit="2", text="2026", after=page["next"])
    assert numbers(last) == ["3"]
    assert last["next"] is None
    assert page["totals"]["balance"] == chf("180.00")
    assert last["totals"] is None


@pytest.mark.parametrize(
    "query",
    [{"total_from": "-1.00"}, {"total_to": "1"}, {"issued_from": "x"}, {"text": "a b c d e f"}],
)
async def test_a_filter_that_cannot_be_is_refused(office: Office, query: dict[str, str]) -> None:
    status, answer = await office.api.get(f"{office.path}/invoices", **query)
    assert status == 422
    assert [error["field"] for error in answer["errors"]] == list(query)


async def test_the_csv_holds_the_selection_and_no_formula(office: Office) -> None:
    patient_id = await office.patient(family_name="=1+1;", given_name="@x", guarantor=None)
    await office.invoice(await office.treatment(patient_id=patient_id))
    await office.invoice(deposit=chf("120.00"))
    path = f"{office.path}/invoices.csv?exclude_zero_balance=true"
    answer = await office.api.request("GET", path)
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/csv"
    assert "attachment" in answer.headers["Content-Disposition"]
    (row,) = csv.DictReader(io.StringIO(answer.raw.decode("utf-8-sig")), delimiter=";")
    assert row["patient_name"] == "'=1+1; @x"
    assert row["balance"] == "120.00"
    assert row["invoice_number"] == "2026-000001"
    assert row["printed_at"] == ""


async def test_a_csv_that_would_be_too_large_is_refused(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operations, "EXPORT_ROWS_MAX", 1)
    await office.invoice()
    assert (await office.api.request("GET", f"{office.path}/invoices.csv")).status == 200
    await office.invoice()
    status, problem = await office.api.get(f"{office.path}/invoices.csv")
    assert (status, problem["code"]) == (422, "export-too-large")


async def test_an_invoice_is_marked_as_printed_once(office: Office) -> None:
    first, second = await office.invoice(), await office.invoice()
    ids = [first["invoice_id"], first["invoice_id"]]
    done = await office.post("invoices/printed", {"invoice_ids": ids}, status=200)
    assert done == {"newly_printed": 1, "printed_before": 0}
    ids = [second["invoice_id"], first["invoice_id"]]
    done = await office.post("invoices/printed", {"invoice_ids": ids}, status=200)
    assert done == {"newly_printed": 1, "printed_before": 1}
    shown = await office.get(f"invoices/{first['invoice_id']}")
    assert shown["printed_at"] == "2026-03-02T08:00:00Z"
    assert shown["printed_by"] == f"office-{office.practice_id}"
    assert [line["kind"] for line in shown["history"]] == ["issued", "printed"]


async def test_marking_an_unknown_invoice_marks_none(office: Office) -> None:
    invoice = await office.invoice()
    ids = [invoice["invoice_id"], office.contract_id]
    problem = await office.post("invoices/printed", {"invoice_ids": ids}, status=422)
    assert (problem["code"], problem["field"]) == ("unknown-invoice", "invoice_ids.1")
    shown = await office.get(f"invoices/{invoice['invoice_id']}")
    assert shown["printed_at"] is None


async def test_an_invoice_is_printed_as_pdf_until_it_is_cancelled(office: Office) -> None:
    invoice = await office.invoice()
    path = f"{office.path}/invoices/{invoice['invoice_id']}"
    answer = await office.api.request("GET", f"{path}/pdf")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/pdf"
    assert answer.raw.startswith(b"%PDF-")
    cancel = {"reason_code": "goodwill"}
    await office.post(f"invoices/{invoice['invoice_id']}/cancel", cancel, status=200)
    cancelled = await office.api.request("GET", f"{path}/pdf")
    assert cancelled.raw.startswith(b"%PDF-")
    assert cancelled.raw != answer.raw
    assert (await office.api.get(f"{office.path}/invoices/{office.contract_id}/pdf"))[0] == 404
