"""`quittance deb preview|undo|explain` against the service itself.

A service of this test's own stands in only for what the real one never says: nonsense, or nothing.
`import` speaks with the gateway: tests/integration/debident_gateway/test_deb_import_command.py.
"""

from __future__ import annotations

import asyncio
import io
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from rich.console import Console

from sandbox.ports import LOOPBACK
from services.reconciliation.entrypoints import deb_cli
from tests.integration.reconciliation.house import House
from tests.integration.reconciliation.test_deb_booking import ROWS
from tests.support.deb_builder import DebFile, Row
from tests.support.waiting import eventually
from tests.support.web import ApiClient

FILE_ID, CONTRACT_ID, PRACTICE_ID = uuid4(), uuid4(), uuid4()


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
    console = Console(file=out, width=300)
    return main([str(argument) for argument in arguments], console), out.getvalue()


class Terminal:
    """A terminal at which the commands are given, to the real service."""

    def __init__(self, house: House, api: ApiClient, tmp_path: Path) -> None:
        self._given = ("--practice", house.practice_id, "--url", api.base_url, "--token-file")
        self._token = tmp_path / "token"
        self._token.write_text(str(api.token))

    async def run(self, main: Any, *arguments: object) -> tuple[int, str]:
        return await asyncio.to_thread(said, main, *arguments, *self._given, self._token)


@pytest.fixture
def terminal(house: House, api: ApiClient, tmp_path: Path) -> Terminal:
    """A terminal of the house's billing office."""
    return Terminal(house, api, tmp_path)


async def waiting_for_review(house: House, file: DebFile, *amounts: str) -> UUID:
    await house.acquitted_invoices(*amounts)
    await house.receive(house.contract_changed(contract_version=2, deb_booking="review"))
    return await house.book(file)


async def is_undoing(house: House, file_id: UUID) -> bool:
    return bool((await house.file(file_id))["status"] == "undoing")


async def is_done_after_work(house: House, task: asyncio.Task[Any]) -> bool:
    await house.work()
    return task.done()


async def test_preview_shows_positions_before_and_after_and_the_sums(
    house: House, terminal: Terminal
) -> None:
    file_id = await waiting_for_review(house, DebFile(ROWS), "120.00")
    status, words = await terminal.run(deb_cli.preview_main, file_id)
    assert status == 0, words
    lines = words.splitlines()
    place = next(number for number, line in enumerate(lines) if " R-5 " in line)
    assert "1020 CHF 115.00 " in lines[place]
    assert "CHF 120.00 → 5.00" in lines[place]
    assert lines[place + 1].strip() == "1088 CHF -115.00"
    [paid] = [line for line in lines if " R-4 " in line]
    assert "CHF 140.00 → 0.00" in paid
    accounts = words[words.index("accounts") : words.index("kinds")]
    assert "1088 factor CHF 0.00 CHF 120.00" in " ".join(accounts.split())


async def test_preview_shows_a_file_of_several_pages_to_its_end(
    house: House, terminal: Terminal
) -> None:
    rows = tuple(Row(f"R-{number}", "factor_fee", rappen=1) for number in range(1, 502))
    file_id = await waiting_for_review(house, DebFile(rows), "120.00")
    status, words = await terminal.run(deb_cli.preview_main, file_id)
    assert status == 0
    assert "R-1 " in words
    assert "R-501 " in words


async def test_preview_stops_where_it_is_told_and_goes_on_from_there(
    house: House, terminal: Terminal
) -> None:
    file_id = await waiting_for_review(house, DebFile(ROWS), "120.00")
    status, words = await terminal.run(deb_cli.preview_main, file_id, "--rows", "3")
    assert status == 0
    after = words.rsplit("--after ", 1)[1].strip()
    assert ROWS[2].record_id in words
    assert ROWS[3].record_id not in words
    status, words = await terminal.run(deb_cli.preview_main, file_id, "--after", after)
    assert status == 0
    assert ROWS[2].record_id not in words
    assert ROWS[6].record_id in words
    assert "--after" not in words


async def test_undo_waits_for_the_worker_and_reports_every_row(
    house: House, terminal: Terminal
) -> None:
    await house.acquitted_invoices("120.00")
    file_id = await house.book(DebFile(ROWS))
    undoing = asyncio.create_task(
        terminal.run(deb_cli.undo_main, file_id, "--reason", "a wrong file")
    )

    await eventually(partial(is_undoing, house, file_id), because="the undoing is asked for")
    assert not undoing.done()
    await house.work()
    status, words = await undoing
    assert status == 0, words
    assert "a wrong file" in words
    assert all(row.record_id in words for row in ROWS)
    assert (await house.file(file_id))["status"] == "undone"
    assert (await terminal.run(deb_cli.undo_main, file_id, "--reason", "once more"))[0] == 0


async def test_undo_ends_with_1_and_says_why_where_rows_stay_booked(
    house: House, terminal: Terminal
) -> None:
    await house.acquitted_invoices("120.00")
    file_id = await house.book(DebFile((Row("R-1", "debtor_payment", rappen=12000),)))
    undone_later = Row("R-2", "reversal", rappen=12000, text="R-1")
    await house.book(DebFile((undone_later,), file_id="F-0002", previous="F-0001"))
    asked = await terminal.run(deb_cli.undo_main, file_id, "--reason", "wrong", "--no-wait")
    assert asked == (0, f"DEB file {file_id}: undoing\n")
    late = await terminal.run(deb_cli.undo_main, file_id, "--reason", "wrong", "--wait", "0")
    assert late[0] == 2
    assert "not undone after 0 seconds" in late[1]
    await house.work()
    undoing = asyncio.create_task(terminal.run(deb_cli.undo_main, file_id, "--reason", "wrong"))
    await eventually(partial(is_done_after_work, house, undoing), because="the command ends")
    status, words = await undoing
    assert status == 1, words
    assert "reversed-later" in words
    assert (await house.file(file_id))["status"] == "partly-undone"


async def test_explain_shows_one_row_its_rule_and_its_facts(
    house: House, terminal: Terminal
) -> None:
    await house.acquitted_invoices("120.00")
    row = Row("R-9", "surprise", text="[red]")
    file_id = await house.book(DebFile((*ROWS, row)))
    status, words = await terminal.run(deb_cli.explain_main, file_id, 6)
    assert status == 0, words
    assert "payout" in words
    assert "1088 CHF -115.00" in words
    status, words = await terminal.run(deb_cli.explain_main, file_id, 9)
    assert status == 0
    assert "unknown-kind" in words
    assert "[red]" in words
    assert (await terminal.run(deb_cli.explain_main, file_id, 99))[0] == 2


def test_an_answer_is_shown_without_what_a_terminal_would_obey(stub: Stub, token: str) -> None:
    stub.body = {"items": [{"note": "[red]\x1b[31m"}], "next": None}
    given = (FILE_ID, "--practice", PRACTICE_ID, "--url", stub.url, "--token-file", token)
    assert "[red]�[31m" in said(deb_cli.preview_main, *given)[1]


def test_a_service_that_gives_one_page_again_and_again_is_left(stub: Stub, token: str) -> None:
    stub.body = {"items": [{"line": 1}], "next": "x"}
    given = (FILE_ID, "--practice", PRACTICE_ID, "--url", stub.url, "--token-file", token)
    status, words = said(deb_cli.preview_main, *given)
    assert status == 2
    assert "the same page again" in words


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


async def test_discard_ends_a_held_file_and_a_second_time_says_so(
    house: House, terminal: Terminal
) -> None:
    await house.acquitted_invoices("120.00")
    deb_file_id = await house.book(DebFile(ROWS, account="CMD-78"))
    assert (await house.file(deb_file_id))["status"] == "held"
    for _ in range(2):
        status, words = await terminal.run(
            deb_cli.discard_main, deb_file_id, "--reason", "a first try"
        )
        assert (status, "discarded" in words) == (0, True)
    assert (await house.file(deb_file_id))["status"] == "discarded"
