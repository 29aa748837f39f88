"""What goes wrong below HTTP, or half-way through a request, on a raw socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from shared.db.engine import Database
from shared.web.limits import WebLimits
from tests.integration.web import notebook
from tests.support.waiting import eventually
from tests.support.web import ApiAnswer, ApiClient, api_client


@pytest.fixture
def notes(practice: UUID) -> str:
    return f"/v1/practices/{practice}/notes"


async def test_a_body_that_turns_out_too_large_is_refused(api: ApiClient, notes: str) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(30):
            yield b" " * 1_000

    user = api.as_user()
    headers = {
        "Authorization": f"Bearer {user.token}",
        "Content-Type": "application/json",
        "Idempotency-Key": "k",
    }
    async with user.session.post(user.base_url + notes, data=chunks(), headers=headers) as got:
        answer = ApiAnswer(got.status, got.headers, await got.read())

    assert (answer.status, answer.code) == (413, "request-too-large")


async def test_a_body_that_announces_too_many_bytes_is_refused_before_it_comes(
    api: ApiClient, notes: str
) -> None:
    head = (
        f"POST {notes} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {api.as_user().token}\r\nIdempotency-Key: k\r\n"
        "Content-Length: 1000000000\r\n\r\n"
    )

    answer = await exchange(api, head.encode())

    assert b" 413 " in answer.splitlines()[0]


async def test_a_body_that_does_not_arrive_is_not_waited_for(
    database: Database, notes: str
) -> None:
    limits = WebLimits(body_read_seconds=0.2)
    async with api_client(notebook.endpoints(), database, limits=limits) as api:
        head = (
            f"POST {notes} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            f"Authorization: Bearer {api.as_user().token}\r\nIdempotency-Key: k\r\n"
            "Content-Length: 100\r\n\r\n{"
        )
        answer = await exchange(api, head.encode())

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b'"code": "request-timeout"' in answer


@pytest.mark.parametrize(
    "sent",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: x\r\n\r\n",
        b"GET /\x00 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 70_000 + b"\r\n\r\n",
        b"POST /v1/year-ends HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    ],
)
async def test_bytes_that_are_no_http_request_get_a_problem_document_too(
    api: ApiClient, sent: bytes
) -> None:
    answer = await exchange(api, sent)

    assert b" 400 " in answer.splitlines()[0]
    assert b"application/problem+json" in answer
    assert b'"code": "malformed-request"' in answer
    assert b"nosniff" in answer


async def test_a_later_chunk_that_is_malformed_is_refused(api: ApiClient, notes: str) -> None:
    head = (
        f"POST {notes} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {api.as_user().token}\r\nIdempotency-Key: k\r\n"
        "Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n"
    )

    answer = await exchange(api, head.encode(), b"zz\r\n}\r\n0\r\n\r\n")

    assert b" 400 " in answer.splitlines()[0]
    assert b'"code": "malformed-request"' in answer


async def test_a_caller_who_hangs_up_is_no_fault_of_ours(
    api: ApiClient, database: Database, notes: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", "quittance.access")
    head = (
        f"POST {notes} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {api.as_user().token}\r\nIdempotency-Key: k\r\n"
        "Content-Length: 100\r\n\r\n{"
    )
    _, writer = await asyncio.open_connection("127.0.0.1", int(api.base_url.rpartition(":")[2]))
    writer.write(head.encode())
    await writer.drain()
    writer.close()
    await writer.wait_closed()

    (told,) = await eventually(lambda: [r for r in caplog.records if r.name == "quittance.access"])
    assert vars(told)["status"] == 400
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


async def test_a_body_cut_into_malformed_chunks_is_refused(api: ApiClient, notes: str) -> None:
    head = (
        f"POST {notes} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {api.as_user().token}\r\nIdempotency-Key: k\r\n"
        "Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n"
    )

    answer = await exchange(api, head.encode())

    assert b" 400 " in answer.splitlines()[0]
    assert b'"code": "malformed-request"' in answer


async def exchange(api: ApiClient, *sent: bytes) -> bytes:
    """Send raw bytes, piece by piece, and read until the server closes."""
    port = int(api.base_url.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for piece in sent:
            writer.write(piece)
            await writer.drain()
        return await asyncio.wait_for(reader.read(), 20)
    finally:
        writer.close()
        await writer.wait_closed()
