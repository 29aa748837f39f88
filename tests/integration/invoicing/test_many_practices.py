"""Over several practices: CSV and print marks; and the totals of a list, and edits of providers."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from shared.db import Database
from shared.web import totals
from tests.integration.invoicing.office import Office, open_office
from tests.integration.invoicing.test_edits_and_prices import document, put
from tests.support.web import ApiClient
from tests.unit.invoicing.bodies import A_PROVIDER, chf


async def read_csv(api: ApiClient, **query: str | list[str]) -> list[dict[str, str]]:
    """Return the lines of the export over several practices."""
    answer = await api.request("GET", "/v1/invoices.csv", query=query)
    assert answer.status == 200, answer.raw
    return list(csv.DictReader(io.StringIO(answer.raw.decode("utf-8-sig")), delimiter=";"))


async def test_the_csv_of_several_practices_holds_those_of_the_token_and_no_others(
    office: Office, api: ApiClient, database: Database
) -> None:
    other, stranger = await open_office(api, database), await open_office(api, database)
    for one in (office, other, stranger):
        await one.invoice()
    await office.invoice(deposit=chf("120.00"))
    ours = api.as_user(practices=[office.practice_id, other.practice_id])
    assert len(await read_csv(ours)) == 3
    assert len(await read_csv(ours, exclude_zero_balance="true")) == 2
    (line,) = await read_csv(ours, practice_id=[str(other.practice_id)])
    assert (line["practice_name"], line["total"]) == ("Cabinet dentaire Exemple SA", "120.00")
    assert await read_csv(ours, practice_id=[str(stranger.practice_id)]) == []


async def test_invoices_of_several_practices_are_marked_as_printed_in_one_step(
    office: Office, api: ApiClient, database: Database
) -> None:
    other = await open_office(api, database)
    ids = [(await one.invoice())["invoice_id"] for one in (office, other)]
    ours = api.as_user(practices=[office.practice_id, other.practice_id], subject="office-both")
    status, done = await ours.post("/v1/invoices/printed", {"invoice_ids": ids})
    assert (status, done) == (200, {"newly_printed": 2, "printed_before": 0})
    for one, invoice_id in zip((office, other), ids, strict=True):
        shown = await one.get(f"invoices/{invoice_id}")
        assert shown["printed_by"] == "office-both"
        assert [line["kind"] for line in shown["history"]] == ["issued", "printed"]


async def test_an_invoice_out_of_scope_is_as_unknown_as_one_that_is_not(
    office: Office, api: ApiClient, database: Database
) -> None:
    stranger = await open_office(api, database)
    own, theirs = await office.invoice(), await stranger.invoice()
    answers = []
    for foreign in (theirs["invoice_id"], office.contract_id):
        ids = [own["invoice_id"], foreign]
        status, problem = await office.api.post("/v1/invoices/printed", {"invoice_ids": ids})
        answers.append((status, {k: v for k, v in problem.items() if k != "instance"}))
    assert answers[0] == answers[1]
    assert (answers[0][0], answers[0][1]["code"]) == (422, "unknown-invoice")
    for one, invoice in ((office, own), (stranger, theirs)):
        assert (await one.get(f"invoices/{invoice['invoice_id']}"))["printed_at"] is None


async def walk(office: Office, path: str, **query: str) -> tuple[list[Any], list[Any]]:
    """Return all items of a list and the totals of each page."""
    items, seen, after = [], [], dict[str, str]()
    while True:
        page = await office.get(path, limit="1", **query, **after)
        items += page["items"]
        seen.append(page["totals"])
        if page["next"] is None:
            return items, seen
        after = {"after": page["next"]}


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("invoices", {}),
        ("invoices", {"exclude_zero_balance": "true"}),
        ("patients", {}),
        ("patients", {"patient_number": "10001"}),
        ("treatments", {}),
        ("treatments", {"state": "open"}),
        ("providers", {}),
        ("contracts", {}),
        ("price-lists", {}),
        ("invoice-import-conflicts", {"state": "open"}),
    ],
)
async def test_the_first_page_counts_what_all_pages_hold(
    office: Office, path: str, query: dict[str, str]
) -> None:
    await office.patient()
    await office.post("providers", A_PROVIDER | {"gln": "7601000000101"})
    await office.invoice()
    await office.invoice(deposit=chf("120.00"))
    await office.treatment()
    items, seen = await walk(office, path, **query)
    assert (seen[0]["count"], seen[0]["exact"]) == (len(items), True)
    assert seen[1:] == [None] * len(seen[1:])
    if "total" in seen[0]:
        added = sum(round(float(one["total"]["amount"]) * 100) for one in items)
        assert seen[0]["total"] == chf(f"{added / 100:.2f}")


async def test_beyond_its_bound_a_count_says_that_there_are_more_and_gives_no_sum(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(totals, "COUNTED_ROWS_MAX", 2)
    for _ in range(2):
        await office.invoice()
    assert (await office.get("invoices"))["totals"]["exact"] is True
    await office.invoice()
    bounded = (await office.get("invoices"))["totals"]
    assert bounded == {
        "count": 2,
        "exact": False,
        "total": None,
        "balance": None,
        "factor_owes": None,
    }
    whole = (await office.get("invoices", totals="exact"))["totals"]
    assert (whole["count"], whole["exact"], whole["total"]) == (3, True, chf("360.00"))
    assert (await office.get("invoices", totals="none"))["totals"] is None


async def test_an_edited_provider_is_on_the_next_invoice_and_not_on_the_last(
    office: Office,
) -> None:
    path = f"/providers/{office.provider_id}"
    old = await office.invoice()
    read = await office.api.request("GET", f"{office.path}{path}")
    assert read.headers["ETag"] == '"1"'
    changed = A_PROVIDER | {"family_name": "Nouveau"}
    answer = await put(office, path, changed, '"1"')
    assert (answer.status, answer.headers["ETag"]) == (200, '"2"')
    stale = await put(office, path, A_PROVIDER, '"1"')
    assert (stale.status, stale.code) == (412, "changed-meanwhile")
    assert (await put(office, path, changed, "")).code == "precondition-required"
    new = await office.invoice()
    assert b"Nouveau" in await document(office, new)
    assert b"Nouveau" not in await document(office, old)
    (line,) = await office.rows(
        "SELECT fields_before, fields_after FROM audit_log"
        " WHERE operation_id = 'changeProvider' AND status = 200"
    )
    assert line["fields_before"] == {"version": 1, "family_name": A_PROVIDER["family_name"]}
    assert line["fields_after"] == {"version": 2, "family_name": "Nouveau"}


async def test_a_provider_does_not_take_anothers_gln(office: Office) -> None:
    other = A_PROVIDER | {"gln": "7601000000101"}
    await office.post("providers", other)
    answer = await put(office, f"/providers/{office.provider_id}", other, '"1"')
    assert (answer.status, answer.code) == (409, "provider-exists")
    unknown = await put(office, f"/providers/{office.contract_id}", other, '"1"')
    assert (unknown.status, unknown.code) == (404, "provider-not-found")
