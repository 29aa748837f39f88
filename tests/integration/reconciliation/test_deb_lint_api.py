"""`POST /v1/deb-lint` says of a file what `quittance deb lint` says, and keeps nothing of it."""

from __future__ import annotations

import tracemalloc
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.deb_builder import DebFile, Row
from tests.support.web import ApiClient

EXAMPLES = Path(__file__).resolve().parents[3] / "docs/deb/examples"
BYTES = "application/octet-stream"
MIB = 1024 * 1024


async def _linted(api: ApiClient, data: bytes, **query: Any) -> tuple[int, Any]:
    answer = await api.request(
        "POST",
        "/v1/deb-lint",
        body=data,
        query={name: str(value) for name, value in query.items()},
        headers={"Content-Type": BYTES, "Idempotency-Key": ""},
    )
    return answer.status, answer.json


async def _with_layout(api: ApiClient, layout: bytes, data: bytes) -> tuple[int, Any]:
    return await _linted(api, layout + data, layout_bytes=len(layout))


async def test_a_file_that_fits_is_told_so_with_its_sums(api: ApiClient) -> None:
    data = DebFile((Row("R-1", "payout", rappen=11500), Row("R-2", "sent"))).data()
    status, said = await _linted(api, data, layout="quittance-v1")
    assert status == 200, said
    assert said == {
        "layout": "quittance-v1",
        "fits": True,
        "rows": 2,
        "rows_that_fit": 2,
        "faults": [],
        "faults_left_out": 0,
        "kinds": [
            {"kind": "payout", "rows": 1, "amount": {"amount": "115.00", "currency": "CHF"}},
            {"kind": "sent", "rows": 1, "amount": {"amount": "0.00", "currency": "CHF"}},
        ],
    }


async def test_an_office_tries_its_own_layout_and_is_told_line_column_field_and_reason(
    api: ApiClient,
) -> None:
    layout = (EXAMPLES / "zahnkasse.toml").read_bytes()
    status, said = await _with_layout(api, layout, (EXAMPLES / "zahnkasse.csv").read_bytes())
    assert (status, said["layout"], said["fits"], said["rows"]) == (200, "zahnkasse", True, 5)
    mistakes = (EXAMPLES / "zahnkasse-mistakes.csv").read_bytes()
    status, said = await _with_layout(api, layout, mistakes)
    assert (status, said["fits"], said["rows"], said["rows_that_fit"]) == (200, False, 6, 3)
    places = [(one["line"], one["column"], one["field"], one["reason"]) for one in said["faults"]]
    assert places == [
        (4, 37, "event_date", "impossible-date"),
        (5, 53, "amount", "bad-amount"),
        (6, 8, "kind", "unknown-kind"),
        (8, None, None, "trailer-count-mismatch"),
    ]
    first = said["faults"][0]
    assert (first["expected"], first["found"]) == ("a date as DD.MM.YYYY", "31.02.2026")
    text, pointer = first["excerpt"]
    assert text[pointer.index("^") :].startswith("31.02.2026")


async def test_what_is_told_is_bounded_and_never_leaves_out_why_the_file_is_held(
    api: ApiClient,
) -> None:
    rows = tuple(Row(f"R-{number}", rappen=1, event_date="20260231") for number in range(30))
    data = DebFile(rows, count=29).data()
    status, said = await _linted(api, data, layout="quittance-v1", faults_max=10)
    assert (status, said["rows"], said["rows_that_fit"]) == (200, 30, 0)
    assert (len(said["faults"]), said["faults_left_out"]) == (10, 21)
    assert said["faults"][-1]["reason"] == "trailer-count-mismatch"


async def test_no_layout_two_an_unknown_one_and_a_broken_one_are_refused(api: ApiClient) -> None:
    data = DebFile((Row(),)).data()
    for query, status, code in (
        ({}, 422, "layout-not-chosen"),
        ({"layout": "quittance-v1", "layout_bytes": 1}, 422, "layout-not-chosen"),
        ({"layout": "nobody's"}, 404, "layout-not-found"),
        ({"layout_bytes": 20_000}, 422, "layout-unusable"),
    ):
        found, said = await _linted(api, data, **query)
        assert (found, said["code"]) == (status, code)
    for layout in (b'shape = "delimted"', b"\xff\xfe", b"[" * 20_000, b"x = " + b"[" * 20_000):
        found, said = await _with_layout(api, layout, data)
        assert (found, said["code"]) == (422, "layout-unusable")
    layout = (EXAMPLES / "zahnkasse.toml").read_bytes().replace(b'"delimited"', b'"delimted"')
    assert "'delimted' is none of" in (await _with_layout(api, layout, data))[1]["detail"]


async def test_the_layouts_that_are_known_are_listed_page_by_page(api: ApiClient) -> None:
    status, page = await api.get("/v1/deb-layouts", limit="2")
    assert (status, page["totals"]["count"]) == (200, 3)
    names = [one["name"] for one in page["items"]]
    status, last = await api.get("/v1/deb-layouts", limit="2", after=page["next"])
    assert (status, last["next"], last["totals"]) == (200, None, None)
    names += [one["name"] for one in last["items"]]
    assert names == ["quittance-de-fr", "quittance-minimal", "quittance-v1"]
    [fixed] = [one for one in last["items"] if one["name"] == "quittance-v1"]
    assert (fixed["shape"], fixed["shipped"]) == ("fixed", True)
    assert fixed["records"] == ["header", "row", "sum", "trailer"]
    assert {"record_id", "kind", "amount"} <= set(fixed["fields"])


async def _file_of(size: int) -> AsyncIterator[bytes]:
    one = DebFile((Row(),)).lines()
    yield one[0] + b"\r\n"
    piece = (one[1] + b"\r\n") * 250
    for _ in range(size // len(piece)):
        yield piece


async def _peak(api: ApiClient, size: int) -> int:
    tracemalloc.start()
    try:
        async with api.session.post(
            f"{api.base_url}/v1/deb-lint?layout=quittance-v1",
            data=_file_of(size),
            headers={"Content-Type": BYTES, "Authorization": f"Bearer {api.token}"},
        ) as response:
            assert response.status == 200
            said = await response.json()
        assert said["rows"] >= size // 250
        assert [one["reason"] for one in said["faults"]] == ["truncated"]
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.timeout(120)
async def test_a_large_file_takes_no_more_memory_than_a_small_one(api: ApiClient) -> None:
    small = await _peak(api, MIB)
    assert await _peak(api, 12 * MIB) - small < 2 * MIB
