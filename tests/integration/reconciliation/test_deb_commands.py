"""`quittance deb import|preview|undo|explain` against a service of this test's own."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from rich.console import Console

from sandbox.ports import LOOPBACK
from services.reconciliation.entrypoints import deb_cli
from tests.support.deb_builder import DebFile, Row

FILE_ID, CONTRACT_ID, PRACTICE_ID = uuid4(), uuid4(), uuid4()
PRACTICE = f"/v1/practices/{PRACTICE_ID}"
PREVIEW = {
    "deb_file_id": str(FILE_ID),
    "is_bookable": True,
    "reason": None,
    "total": {"amount": "115.00", "currency": "CHF"},
    "rows": [
        {
            "line": 2,
            "outcome": "book",
            "debtor": {
                "before": {"amount": "120.00", "currency": "CHF"},
                "after": {"amount": "5.00", "currency": "CHF"},
            },
            "note": "[red]\x1b[31m",
        },
        {"line": 3, "outcome": "park", "reason_code": "unknown-kind"},
    ],
}


@dataclass
class Stub:
    """What the service answers, and what it was asked."""

    status: int = 200
    body: Any = field(default_factory=dict)
    asked: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)
    url: str = ""


@contextmanager
def serving() -> Iterator[Stub]:
    stub = Stub()

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            stub.asked.append((self.command, self.path, dict(self.headers), data))
            body = stub.body if isinstance(stub.body, bytes) else json.dumps(stub.body).encode()
            self.send_response(stub.status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = _answer  # noqa: N815 - the library's names

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as above
            return

    server = ThreadingHTTPServer((LOOPBACK, 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    stub.url = f"http://{LOOPBACK}:{server.server_port}"
    try:
        yield stub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def stub() -> Iterator[Stub]:
    """A service that answers what the test says."""
    with serving() as running:
        yield running


@pytest.fixture
def token(tmp_path: Path) -> str:
    """The path of a file with a token."""
    (tmp_path / "token").write_text("secret-token\n")
    return str(tmp_path / "token")


def said(main: Any, *arguments: object) -> tuple[int, str]:
    out = io.StringIO()
    console = Console(file=out, width=150)
    return main([str(argument) for argument in arguments], console), out.getvalue()


def test_import_sends_the_bytes_as_they_are_with_the_same_key_each_time(
    stub: Stub, token: str, tmp_path: Path
) -> None:
    data = DebFile((Row(),)).data() * 3000
    (tmp_path / "a.deb").write_bytes(data)
    stub.status, stub.body = 201, {"deb_file_id": str(FILE_ID)}
    given = (
        tmp_path / "a.deb",
        "--practice",
        PRACTICE_ID,
        "--contract",
        CONTRACT_ID,
        "--url",
        f"{stub.url}/",
        "--token-file",
    )
    assert said(deb_cli.import_main, *given, token) == (0, f"a.deb: taken. DEB file {FILE_ID}\n")
    stub.status = 200
    status, words = said(deb_cli.import_main, *given, token)
    assert (status, words) == (0, f"a.deb: known already. DEB file {FILE_ID}\n")
    (method, path, headers, sent), again = stub.asked
    assert (method, path) == ("POST", f"{PRACTICE}/contracts/{CONTRACT_ID}/deb-files")
    assert headers["Authorization"] == "Bearer secret-token"
    assert headers["Content-Type"] == "application/octet-stream"
    assert sent == data
    assert headers["Idempotency-Key"] == again[2]["Idempotency-Key"]


def test_import_with_a_layout_sends_only_what_fits_it(
    stub: Stub, token: str, tmp_path: Path
) -> None:
    (tmp_path / "a.deb").write_bytes(DebFile((Row(),), total=1).data())
    given = (
        "--practice",
        PRACTICE_ID,
        "--contract",
        CONTRACT_ID,
        "--layout",
        "quittance-v1",
        "--url",
        stub.url,
    )
    status, words = said(deb_cli.import_main, tmp_path / "a.deb", *given, "--token-file", token)
    assert status == 1
    assert "trailer-sum-mismatch" in words
    assert stub.asked == []


def test_preview_shows_each_row_before_and_after_and_obeys_no_text(stub: Stub, token: str) -> None:
    stub.body = PREVIEW
    status, words = said(
        deb_cli.preview_main,
        FILE_ID,
        "--practice",
        PRACTICE_ID,
        "--url",
        stub.url,
        "--token-file",
        token,
    )
    assert status == 0
    assert stub.asked[0][:2] == ("GET", f"{PRACTICE}/deb-files/{FILE_ID}/preview")
    assert "CHF 120.00 → CHF 5.00" in words
    assert "unknown-kind" in words
    assert "[red]�[31m" in words


@pytest.mark.parametrize("body", [{}, {"rows": []}, [], {"rows": [{}]}, {"x": [1, {"y": None}]}])
def test_an_answer_without_what_was_expected_is_shown_as_it_is(
    stub: Stub, token: str, body: object
) -> None:
    stub.body = body
    assert (
        said(
            deb_cli.preview_main,
            FILE_ID,
            "--practice",
            PRACTICE_ID,
            "--url",
            stub.url,
            "--token-file",
            token,
        )[0]
        == 0
    )


def test_undo_sends_the_reason_under_the_practice_that_is_named(stub: Stub, token: str) -> None:
    stub.status, stub.body = 201, {"undone": 3, "left": [{"line": 4, "reason": "paid out"}]}
    given = (FILE_ID, "--practice", PRACTICE_ID, "--reason", "a wrong file", "--url", stub.url)
    status, words = said(deb_cli.undo_main, *given, "--token-file", token)
    assert status == 0
    method, path, headers, data = stub.asked[0]
    assert (method, path) == ("POST", f"{PRACTICE}/deb-files/{FILE_ID}/undo")
    assert json.loads(data) == {"reason": "a wrong file"}
    assert headers["Idempotency-Key"]
    assert "paid out" in words


def test_explain_shows_one_row(stub: Stub, token: str) -> None:
    stub.body = {
        "line": 7,
        "status": "parked",
        "reason_code": "overpayment",
        "invoice": {"id": "1"},
    }
    given = (FILE_ID, 7, "--practice", PRACTICE_ID, "--url", stub.url, "--token-file", token)
    status, words = said(deb_cli.explain_main, *given)
    assert status == 0
    assert stub.asked[0][1] == f"{PRACTICE}/deb-files/{FILE_ID}/rows/7"
    assert "reason code" in words
    assert "overpayment" in words


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((404, {"detail": "there is no such file"}), "refuses (404): there is no such file"),
        ((503, b"busy"), "refuses (503): Service Unavailable"),
        ((200, b"<html>"), "does not answer in JSON"),
    ],
)
def test_a_refusal_is_told_and_ends_with_2(
    stub: Stub, token: str, answer: tuple[int, Any], words: str
) -> None:
    stub.status, stub.body = answer
    status, told = said(
        deb_cli.explain_main,
        FILE_ID,
        1,
        "--practice",
        PRACTICE_ID,
        "--url",
        stub.url,
        "--token-file",
        token,
    )
    assert status == 2
    assert words in told
    assert "secret-token" not in told


def test_a_service_that_is_away_a_file_or_a_token_that_is_not_there_end_with_2(
    token: str, tmp_path: Path
) -> None:
    with serving() as gone:
        url = gone.url
    absent = tmp_path / "absent"
    contract = ("--practice", PRACTICE_ID, "--contract", CONTRACT_ID, "--url", url, "--token-file")
    for main, given in (
        (
            deb_cli.preview_main,
            (FILE_ID, "--practice", PRACTICE_ID, "--url", url, "--token-file", token),
        ),
        (
            deb_cli.preview_main,
            (FILE_ID, "--practice", PRACTICE_ID, "--url", url, "--token-file", absent),
        ),
        (
            deb_cli.preview_main,
            (FILE_ID, "--practice", PRACTICE_ID, "--url", "ftp://x", "--token-file", token),
        ),
        (deb_cli.import_main, (absent, *contract, token)),
    ):
        status, words = said(main, *given)
        assert (status, words[:1]) == (2, "✗")


def test_discard_sends_the_reason_under_the_practice_that_is_named(stub: Stub, token: str) -> None:
    stub.body = {"already": False, "file": {"status": "discarded"}}
    given = (FILE_ID, "--practice", PRACTICE_ID, "--reason", "a test file", "--url", stub.url)
    status, words = said(deb_cli.discard_main, *given, "--token-file", token)
    assert status == 0
    method, path, _, data = stub.asked[0]
    assert (method, path) == ("POST", f"{PRACTICE}/deb-files/{FILE_ID}/discard")
    assert json.loads(data) == {"reason": "a test file"}
    assert "discarded" in words
