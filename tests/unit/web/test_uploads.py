"""Several files in one request: read part by part, within the limits, or refused in plain words."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from unittest.mock import Mock

import pytest
from aiohttp import StreamReader, web
from aiohttp.test_utils import make_mocked_request

from shared.web.endpoints import UploadedFile
from shared.web.openapi import openapi_document
from shared.web.problems import ProblemError
from shared.web.table import check_table
from shared.web.uploads import FILES_MAX, MULTIPART, Body, read_body
from tests.support.parts import DISPOSITION, a_part, packed
from tests.unit.web.test_further_media_types import UPLOAD

SEVERAL = replace(UPLOAD, further_media_types=(MULTIPART,), max_body_bytes=400_000)


def a_request(body: bytes, boundary: str = "b0", *, piece: int = 1000) -> web.Request:
    """Return a request whose body comes in pieces, and does not say how long it is."""
    loop = asyncio.get_running_loop()
    content = StreamReader(Mock(_reading_paused=False), limit=2**16, loop=loop)
    for start in range(0, len(body), piece):
        content.feed_data(body[start : start + piece])
    content.feed_eof()
    kind = {"Content-Type": f"{MULTIPART}; boundary={boundary}"}
    return make_mocked_request("POST", "/v1/uploads", headers=kind, payload=content)


async def came(body: bytes, **options: int) -> Body:
    """Return what is read of a body."""
    return await read_body(a_request(body, **options), SEVERAL, seconds=5)  # type: ignore[arg-type]


async def refusal(body: bytes) -> tuple[int, str]:
    """Return status and code of the refusal of a body."""
    with pytest.raises(ProblemError) as caught:
        await came(body)
    return caught.value.problem.status, caught.value.problem.code


@pytest.mark.parametrize("piece", [1, 7, 100_000])
async def test_files_come_as_they_are_in_order_whatever_the_pieces(piece: int) -> None:
    given = [
        ("a.xml", b"<a/>"),
        ("b.zip", bytes(range(256)) * 9),
        ("a.xml", b""),
        ("Zahnärzte.xml", b"\r\n--b1\r\n-- b0 --b0\r\n\r\n"),
    ]
    body = await came(packed([a_part(data, name) for name, data in given]), piece=piece)
    assert body == Body(files=tuple(UploadedFile(*one) for one in given))


async def test_a_repeat_with_another_boundary_is_the_same_request() -> None:
    parts = [a_part(b"<a/>"), a_part(b"<b/>", "b.xml")]
    first = await came(packed(parts))
    again = await read_body(a_request(packed(parts, "other"), "other"), SEVERAL, seconds=5)
    assert first.sha256() == again.sha256()
    different = [
        Body(),
        Body(b"<a/><b/>"),
        await came(packed(parts[:1])),
        await came(packed(parts[::-1])),
        await came(packed([a_part(b"<a/>", "A.xml"), parts[1]])),
        await came(packed([a_part(b"<a/><", "a.xml"), a_part(b"b/>", "b.xml")])),
    ]
    assert len({first.sha256(), *(one.sha256() for one in different)}) == 7


def broken(cut: Callable[[bytes], bytes]) -> bytes:
    """Return a body with a fault."""
    return cut(packed([a_part(b"<a/>" * 9), a_part(b"<b/>")]))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no boundary at all",
        broken(lambda body: body[:-8]),
        broken(lambda body: body[:120]),
        broken(lambda body: body[:70]),
        broken(lambda body: body.replace(b"\r\n\r\n", b"\r\n")),
        broken(lambda body: body.replace(b"Content-Disposition:", b"no header ", 1)),
    ],
)
@pytest.mark.filterwarnings("ignore::aiohttp.BadContentDispositionHeader")
async def test_what_is_cut_or_no_multipart_is_malformed(body: bytes) -> None:
    assert await refusal(body) == (400, "malformed-request")


@pytest.mark.parametrize(
    "headers",
    [
        'Content-Disposition: form-data; name="other"; filename="a.xml"',
        'Content-Disposition: form-data; name="files"',
        'Content-Disposition: form-data; name="files"; filename=""',
        "Content-Type: application/xml",
        DISPOSITION.format("a.xml") + "\r\nContent-Transfer-Encoding: base64",
        DISPOSITION.format("a.xml") + "\r\nContent-Encoding: gzip",
        DISPOSITION.format("a.xml") + "\r\nContent-Type: multipart/mixed; boundary=inner",
    ],
)
async def test_a_part_that_is_no_plain_file_is_refused(headers: str) -> None:
    good = a_part(b"<a/>")
    assert await refusal(packed([good, (headers, b"<b/>")])) == (400, "unexpected-part")


async def test_no_file_at_all_is_refused() -> None:
    assert await refusal(b"--b0--\r\n") == (400, "files-missing")


async def test_all_together_have_the_limit_of_one() -> None:
    half = b"x" * 150_000
    assert len((await came(packed([a_part(half), a_part(half)]))).files) == 2
    parts = [a_part(half), a_part(half), a_part(half)]
    assert await refusal(packed(parts)) == (413, "request-too-large")


async def test_what_announces_too_much_is_not_read() -> None:
    unread = Mock(spec=StreamReader)
    headers = {"Content-Type": f"{MULTIPART}; boundary=b0", "Content-Length": "400001"}
    request = make_mocked_request("POST", "/v1/uploads", headers=headers, payload=unread)
    with pytest.raises(ProblemError) as caught:
        await read_body(request, SEVERAL, seconds=5)
    assert caught.value.problem.status == 413
    assert unread.mock_calls == []


async def test_files_have_a_highest_number() -> None:
    most = [a_part(b"")] * FILES_MAX
    assert len((await came(packed(most))).files) == FILES_MAX
    assert await refusal(packed([*most, a_part(b"")])) == (413, "too-many-files")


async def test_only_an_endpoint_that_says_so_takes_several() -> None:
    with pytest.raises(ProblemError) as caught:
        await read_body(a_request(packed([a_part(b"<a/>")])), UPLOAD, seconds=5)
    assert caught.value.problem.status == 415


async def test_files_that_do_not_go_on_coming_time_out() -> None:
    loop = asyncio.get_running_loop()
    content = StreamReader(Mock(_reading_paused=False), limit=2**16, loop=loop)
    content.feed_data(packed([a_part(b"<a/>")])[:-20])
    kind = {"Content-Type": f"{MULTIPART}; boundary=b0"}
    request = make_mocked_request("POST", "/v1/uploads", headers=kind, payload=content)
    with pytest.raises(ProblemError) as caught:
        await read_body(request, SEVERAL, seconds=0.05)
    assert caught.value.problem.code == "request-timeout"


@pytest.mark.parametrize(("first", "is_whole"), [(262_144, True), (10, False)])
async def test_what_came_of_a_body_on_the_disk_buys_time_for_the_rest(
    first: int, is_whole: bool
) -> None:
    loop = asyncio.get_running_loop()
    content = StreamReader(Mock(_reading_paused=False), limit=2**16, loop=loop)
    content.feed_data(bytes(first))
    loop.call_later(0.3, content.feed_data, b"the rest")
    loop.call_later(0.3, content.feed_eof)
    kind = {"Content-Type": UPLOAD.request_media_type}
    request = make_mocked_request("POST", "/v1/uploads", headers=kind, payload=content)
    spools = replace(UPLOAD, spools=True, max_body_bytes=400_000)
    if not is_whole:
        with pytest.raises(ProblemError) as caught:
            await read_body(request, spools, seconds=0.05)
        assert caught.value.problem.code == "request-timeout"
        return
    body = await read_body(request, spools, seconds=0.05)
    assert body.spool is not None
    assert body.spool.size_bytes == first + len(b"the rest")
    body.close()


def test_the_document_shows_the_parts() -> None:
    document = openapi_document("s", "S", "1", [SEVERAL])
    content = document["paths"]["/v1/uploads"]["post"]["requestBody"]["content"]
    assert list(content) == ["application/xml", MULTIPART]
    schema = content[MULTIPART]["schema"]
    assert schema["required"] == ["files"]
    assert schema["properties"]["files"]["maxItems"] == FILES_MAX
    assert content["application/xml"] == {"schema": {}}


def test_several_are_never_the_only_way() -> None:
    check_table([SEVERAL])
    with pytest.raises(ValueError, match="an upload of several may be one of one"):
        check_table([replace(UPLOAD, request_media_type=MULTIPART)])
