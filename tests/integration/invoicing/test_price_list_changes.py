"""Price lists are corrected and ended by versions; what was recorded keeps its prices."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy.exc import DBAPIError

from tests.integration.invoicing.office import Office
from tests.integration.invoicing.test_edits_and_prices import BARE, CSV, load
from tests.support import audit
from tests.support.web import ApiAnswer

CORRECTED = CSV.replace("12.50", "13.50") + "C.3;Neu;;4;\n"
DATA = {
    "name": "2026",
    "tariff_type": "222",
    "point_value": "1.20",
    "valid_from": "2026-01-01",
}


async def change(
    office: Office, price_list_id: str, data: str = "", *, etag: str = '"1"', **changes: str
) -> ApiAnswer:
    """PUT a price list; "" as ETag sends none."""
    return await office.api.request(
        "PUT",
        f"{office.path}/price-lists/{price_list_id}",
        body=data.encode(),
        query=DATA | changes,
        headers={"Content-Type": "text/csv", "If-Match": etag},
    )


async def loaded(office: Office) -> str:
    """Load a price list; return its id."""
    return str((await load(office)).json["price_list_id"])


async def points(office: Office, *days: str, code: str = "C.1") -> list[str]:
    """Record a treatment with the code on these days; return the points that it got."""
    treatment = await office.treatment(
        begun_on=days[0],
        ended_on=days[-1],
        positions=[BARE | {"performed_on": day, "code": code} for day in days],
    )
    shown = await office.get(f"treatments/{treatment}")
    return [position["points"] for position in shown["positions"]]


async def test_corrected_lines_count_from_now_on_and_what_was_recorded_stays(
    office: Office,
) -> None:
    price_list_id = await loaded(office)
    before = await office.treatment(positions=[BARE])
    answer = await change(office, price_list_id, CORRECTED, point_value="1.30")
    assert (answer.status, answer.headers["ETag"]) == (200, '"2"')
    assert (answer.json["version"], answer.json["lines"], answer.json["point_value"]) == (
        *(2, 3),
        "1.3",
    )
    shown = await office.api.request("GET", f"{office.path}/price-lists/{price_list_id}")
    assert (shown.json, shown.headers["ETag"]) == (answer.json, '"2"')
    assert (await office.get("price-lists"))["items"] == [answer.json]
    lines = (await office.get(f"price-lists/{price_list_id}/lines"))["items"]
    assert [(one["code"], one["points"]) for one in lines] == [
        ("C.1", "13.5"),
        ("C.2", "7"),
        ("C.3", "4"),
    ]
    assert await points(office, "2026-02-27") == ["13.5"]
    (old,) = (await office.get(f"treatments/{before}"))["positions"]
    assert (old["points"], old["point_value"]) == ("12.5", "1.2")


async def test_a_code_that_a_correction_leaves_out_is_gone(office: Office) -> None:
    price_list_id = await loaded(office)
    await change(office, price_list_id, "code;text_de;points\nC.2;Bleibt;8\n")
    with pytest.raises(AssertionError, match="unknown-code"):
        await points(office, "2026-02-27")
    assert await points(office, "2026-02-27", code="C.2") == ["8"]


async def test_a_list_is_ended_without_its_lines_and_the_one_before_counts_again(
    office: Office,
) -> None:
    await load(office, CSV.replace("12.50", "10"), valid_from="2025-01-01")
    price_list_id = await loaded(office)
    days = ("2026-02-24", "2026-02-25", "2026-02-26")
    assert await points(office, *days) == ["12.5"] * 3
    ended = await change(office, price_list_id, valid_to="2026-02-25")
    assert (ended.json["valid_to"], ended.json["lines"]) == ("2026-02-25", 2)
    assert await points(office, *days) == ["12.5", "12.5", "10"]
    again = await change(office, price_list_id, CORRECTED, etag='"2"')
    assert (again.json["valid_to"], again.json["version"]) == (None, 3)
    ended = await change(office, price_list_id, etag='"3"', valid_to="2026-02-24")
    assert (ended.json["version"], ended.json["lines"]) == (4, 3)
    assert await points(office, *days) == ["13.5", "10", "10"]


async def test_the_same_data_again_make_no_version(office: Office) -> None:
    price_list_id = await loaded(office)
    for data in ("", CSV):
        answer = await change(office, price_list_id, data)
        assert (answer.status, answer.headers["ETag"]) == (200, '"1"')
    assert await audit.told(office.database, office.practice_id, "changePriceList") == []


@pytest.mark.parametrize(
    ("data", "etag", "changes", "status", "code"),
    [
        (CORRECTED, "", {}, 428, "precondition-required"),
        (CORRECTED, '"2"', {}, 412, "changed-meanwhile"),
        (CORRECTED, '"1"', {"tariff_type": "322"}, 422, "fixed-field"),
        (CORRECTED, '"1"', {"valid_from": "2026-01-02"}, 422, "fixed-field"),
        (CORRECTED, '"1"', {"valid_to": "2025-12-31"}, 422, "price-list-days"),
        (CSV + "C.3;;;x;\n", '"1"', {}, 422, "price-list-faults"),
        ("colour\nred\n", '"1"', {}, 422, "no-price-table"),
    ],
)
async def test_what_cannot_be_leaves_the_list_as_it_was(
    office: Office, data: str, etag: str, changes: dict[str, str], status: int, code: str
) -> None:
    price_list_id = await loaded(office)
    before = await office.get(f"price-lists/{price_list_id}")
    answer = await change(office, price_list_id, data, etag=etag, **changes)
    assert (answer.status, answer.code) == (status, code)
    assert await office.get(f"price-lists/{price_list_id}") == before
    unknown = await change(office, office.patient_id, CORRECTED)
    assert (unknown.status, unknown.code) == (404, "price-list-not-found")


async def test_of_two_who_read_the_same_version_one_corrects_it(office: Office) -> None:
    price_list_id = await loaded(office)
    files = [CSV.replace("12.50", points) for points in ("1", "2", "3", "4")]
    answers = await asyncio.gather(*(change(office, price_list_id, one) for one in files))
    assert sorted(answer.status for answer in answers) == [200, 412, 412, 412]
    assert {answer.code for answer in answers} == {None, "changed-meanwhile"}


async def test_the_audit_says_what_a_correction_changed(office: Office) -> None:
    price_list_id = await loaded(office)
    await change(office, price_list_id, CORRECTED, valid_to="2026-12-31")
    ((_, before, after),) = await audit.told(office.database, office.practice_id, "changePriceList")
    assert before == {
        "valid_to": None,
        "lines": 2,
        "version": 1,
        "codes_changed": 0,
        "codes": [],
    }
    assert after == {
        "valid_to": "2026-12-31",
        "lines": 3,
        "version": 2,
        "codes_changed": 2,
        "codes": ["C.1", "C.3"],
    }


async def test_no_version_is_ever_written_over(office: Office) -> None:
    price_list_id = await loaded(office)
    await change(office, price_list_id, CORRECTED)
    for table in ("price_list_revision", "price_line_revision"):
        with pytest.raises(DBAPIError):
            await office.rows(f"UPDATE {table} SET version = 9 RETURNING 1")  # noqa: S608


async def test_lists_are_found_by_tariff_and_day(office: Office) -> None:
    price_list_id = await loaded(office)
    await load(office, tariff_type="322")
    await change(office, price_list_id, valid_to="2026-03-31")

    async def found(**query: str) -> list[tuple[str, int]]:
        page = await office.get("price-lists", **query)
        assert page["totals"]["count"] == len(page["items"])
        return [(one["tariff_type"], one["version"]) for one in page["items"]]

    assert await found() == [("222", 2), ("322", 1)]
    assert await found(tariff_type="222") == [("222", 2)]
    assert await found(day="2026-03-31") == [("222", 2), ("322", 1)]
    assert await found(day="2026-04-01") == [("322", 1)]
    assert await found(day="2025-12-31") == []
