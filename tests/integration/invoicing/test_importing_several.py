"""Importing several files in one request over HTTP, with the limits of an archive."""

from __future__ import annotations

import pytest

from services.invoicing.entrypoints.imports import UPLOAD_BYTES_MAX
from tests.integration.invoicing.office import Office
from tests.integration.invoicing.test_imports import a_file, gln_of, outcomes, send
from tests.support.parts import DISPOSITION, Part, a_part, packed
from tests.support.web import ApiAnswer
from tests.unit.invoicing.requests import NUMBER, a_request, a_zip, reference


async def send_parts(
    office: Office, parts: list[Part], *, boundary: str = "b0", key: str | None = None
) -> ApiAnswer:
    """Send files in the parts of one request."""
    kind = f"multipart/form-data; boundary={boundary}"
    return await send(office, packed(parts, boundary), kind=kind, key=key)


async def test_files_and_archives_are_imported_in_one_request(office: Office) -> None:
    gln = await gln_of(office)
    second, third = (
        a_request(number=f"RE-{n}", reference=reference(n), practice=gln) for n in (2, 3)
    )
    parts = [
        a_part(await a_file(office), "Müller 1.xml"),
        a_part(b"no invoice", "2.xml"),
        a_part(a_zip({"inner/3.xml": second, "4.xml": third}), "export.zip"),
    ]
    answer = await send_parts(office, parts)
    assert answer.status == 200, answer.json
    assert [file["name"] for file in answer.json["files"]] == [
        "Müller 1.xml",
        "2.xml",
        "export.zip/inner/3.xml",
        "export.zip/4.xml",
    ]
    assert outcomes(answer.json) == ["imported", "refused", "imported", "imported"]
    page = await office.get("invoices")
    assert {one["invoice_number"] for one in page["items"]} == {NUMBER, "RE-2", "RE-3"}


async def test_a_name_that_cannot_be_kept_is_shown_with_marks(office: Office) -> None:
    extended = "Content-Disposition: form-data; name=\"files\"; filename*=UTF-8''{}"
    parts = [
        a_part(await a_file(office), headers=extended.format("a%00b.xml")),
        a_part(b"no invoice", headers=extended.format("%01.xml")),
    ]
    answer = await send_parts(office, parts)
    assert answer.status == 200, answer.json
    assert [file["name"] for file in answer.json["files"]] == ["a?b.xml", "?.xml"]
    assert outcomes(answer.json) == ["imported", "refused"]


async def test_one_file_in_parts_is_known_as_the_one_that_came_by_itself(office: Office) -> None:
    data = await a_file(office)
    first = await send(office, data)
    again = await send_parts(office, [a_part(data, "again.xml")])
    assert outcomes(first.json) == ["imported"]
    assert outcomes(again.json) == ["already-known"]
    assert again.json["files"][0]["invoice_id"] == first.json["files"][0]["invoice_id"]


async def test_a_repeat_gets_the_first_report_and_other_files_under_its_key_none(
    office: Office,
) -> None:
    parts = [a_part(await a_file(office)), a_part(b"<a/>", "b.xml")]
    first = await send_parts(office, parts, key="the-same")
    again = await send_parts(office, parts, key="the-same", boundary="drawn-anew")
    other = await send_parts(office, parts[:1], key="the-same")
    assert again.json == first.json
    assert again.headers["Idempotency-Replayed"] == "true"
    assert (other.status, other.code) == (422, "idempotency-key-reused")


GOOD = a_part(b"<a/>")
NO_FILE = a_part(b"<a/>", headers='Content-Disposition: form-data; name="note"')
OTHER_NAME = a_part(b"<a/>", headers=DISPOSITION.replace("files", "file").format("a"))
CUT = a_part(a_zip({"1.xml": b"<a/>"})[:-9], "cut.zip")
THOUSAND = a_part(a_zip({f"{n}": b"" for n in range(1000)}), "thousand.zip")


@pytest.mark.parametrize(
    ("parts", "status", "code"),
    [
        ([], 400, "files-missing"),
        ([NO_FILE], 400, "unexpected-part"),
        ([GOOD, OTHER_NAME], 400, "unexpected-part"),
        ([GOOD, CUT], 422, "archive-damaged"),
        ([GOOD] * 1001, 413, "too-many-files"),
        ([THOUSAND], 422, "archive-entries"),
    ],
)
async def test_an_upload_with_a_wrong_part_is_refused_and_nothing_of_it_kept(
    office: Office, parts: list[Part], status: int, code: str
) -> None:
    before = [a_part(await a_file(office))] if parts else []
    answer = await send_parts(office, [*before, *parts])
    assert (answer.status, answer.code) == (status, code)
    assert (await office.get("invoices"))["items"] == []


@pytest.mark.filterwarnings("ignore:Sending a large body")
async def test_files_that_are_too_large_together_are_refused(office: Office) -> None:
    half = b" " * (UPLOAD_BYTES_MAX // 2)
    answer = await send_parts(office, [a_part(half), a_part(half)])
    assert (answer.status, answer.code) == (413, "request-too-large")
    assert answer.json["facts"] == {"max_body_bytes": UPLOAD_BYTES_MAX}
