"""The import command: what it sends, how it waits, and what it tells."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable
from email.message import Message
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request
from uuid import uuid4

import pytest
from rich.console import Console
from rich.progress import Progress

from services.invoicing.entrypoints import cli
from tests.unit.invoicing.requests import a_zip

PRACTICE = str(uuid4())


def console() -> Console:
    """A console that is read afterwards."""
    return Console(file=io.StringIO(), width=400)


def printed(of: Console) -> str:
    """Return what was printed, blanks drawn together."""
    assert isinstance(of.file, io.StringIO)
    return " ".join(of.file.getvalue().split())


def a_report(outcome: str = "imported", **changes: Any) -> dict[str, Any]:
    """Return what the service says of a file."""
    return {
        "name": "000000.xml",
        "outcome": outcome,
        "invoice_number": "RE-1",
        "invoice_id": str(uuid4()),
        "conflict_id": None,
        "unfit_codes": [],
        "faults": [],
        "notices": [],
    } | changes


def a_refusal(code: int, **headers: str) -> HTTPError:
    """Return an answer of the service that is none."""
    message = Message()
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    body = io.BytesIO(json.dumps({"detail": "Please wait."}).encode())
    return HTTPError("http://127.0.0.1", code, "reason", message, body)


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Request]]:
    """`answers(a, b)` makes the service answer so, in turn; returns the requests that it gets."""

    def prepare(*given: list[dict[str, Any]] | Exception) -> list[Request]:
        requests: list[Request] = []
        left = list(given)

        def urlopen(request: Request, *, timeout: int) -> io.BytesIO:
            assert timeout > 0
            requests.append(request)
            answer = left.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return io.BytesIO(json.dumps({"files": answer}).encode())

        monkeypatch.setattr(cli, "urlopen", urlopen)
        return requests

    return prepare


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a token and some files."""
    (tmp_path / "token").write_text("secret-token\n")
    files = tmp_path / "files"
    (files / "inner").mkdir(parents=True)
    for name in ("b.xml", "a.XML", "inner/c.xml", "notes.txt"):
        (files / name).write_bytes(b"<a/>")
    return tmp_path


def run(folder: Path, *more: str, to: Console | None = None) -> int:
    """Run the command on the folder's files."""
    arguments = ["--practice", PRACTICE, "--token-file", str(folder / "token"), *more]
    return cli.main([str(folder / "files"), *arguments], console=to or console())


def test_a_folder_goes_in_one_archive_and_the_report_names_its_files(
    folder: Path, answers: Callable[..., list[Request]]
) -> None:
    contract, out = str(uuid4()), console()
    requests = answers([a_report(), a_report("already-known"), a_report()])
    assert run(folder, "--contract", contract, "--all", to=out) == 0
    (sent,) = requests
    assert sent.full_url == (
        f"http://127.0.0.1:8081/v1/practices/{PRACTICE}/invoice-imports?contract_id={contract}"
    )
    assert sent.get_header("Authorization") == "Bearer secret-token"
    assert sent.get_header("Content-type") == "application/zip"
    assert sent.get_header("Idempotency-key")
    assert isinstance(sent.data, bytes)
    with zipfile.ZipFile(io.BytesIO(sent.data)) as archive:
        assert archive.namelist() == ["000000.xml", "000001.xml", "000002.xml"]
    told = printed(out)
    assert "3 files: 2 imported, 1 already known, 0 refused, 0 conflict" in told
    for name in ("a.XML", "b.xml", "c.xml"):
        assert name in told.replace(" ", "")
    assert "notes.txt" not in told


def test_what_was_refused_is_told_with_line_and_reason_and_by_the_exit_status(
    folder: Path, answers: Callable[..., list[Request]]
) -> None:
    out = console()
    fault = {"code": "balance", "reason": "It does [not] add up.", "field": "balance.due"}
    answers(
        [
            a_report(),
            a_report("refused", faults=[fault | {"line": 72, "column": 4}]),
            a_report("conflict", conflict_id="1234"),
        ]
    )
    assert run(folder, to=out) == cli.EXIT_REFUSED
    told = printed(out)
    assert "72:4" in told
    assert "It does [not] add up." in told
    assert "to decide: 1234" in told
    assert "1 imported, 0 already known, 1 refused, 1 conflict" in told


def test_a_notice_is_shown_though_everything_is_in(
    folder: Path, answers: Callable[..., list[Request]]
) -> None:
    out = console()
    notice = {"code": "other-address-on-record", "reason": "Patient 10001 [sic] lives elsewhere."}
    answers([a_report(notices=[notice]), a_report(), a_report("already-known")])
    assert run(folder, to=out) == 0
    told = printed(out)
    assert "other-address-on-record: Patient 10001 [sic] lives elsewhere." in told
    assert "a.XML" in told.replace(" ", "")
    assert "b.xml" not in told


def test_an_archive_is_sent_as_it_is_between_the_files(tmp_path: Path) -> None:
    archive = a_zip({"x.xml": b"<a/>"})
    for name, data in (("1.xml", b"<a/>"), ("2.zip", archive), ("3.xml", b"<a/>")):
        (tmp_path / name).write_bytes(data)
    found = list(cli.batches(sorted(tmp_path.iterdir()), []))
    assert [(one.names, one.weight) for one in found] == [
        ((), 1),
        ((str(tmp_path / "1.xml"), str(tmp_path / "3.xml")), 2),
    ]
    assert found[0].data == archive


def test_many_or_large_files_go_in_several_requests(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli, "BATCH_FILES", 3)
    monkeypatch.setattr(cli, "BATCH_BYTES", 100)
    sizes = [10, 10, 10, 10, 95, 10]
    for place, size in enumerate(sizes):
        (tmp_path / f"{place}.xml").write_bytes(b"x" * size)
    assert [one.weight for one in cli.batches(sorted(tmp_path.iterdir()), [])] == [3, 1, 1, 1]


def test_a_service_that_is_away_for_a_moment_is_waited_for_with_the_same_key(
    answers: Callable[..., list[Request]],
) -> None:
    waited: list[int] = []
    service = cli.Service("http://127.0.0.1", "t", uuid4(), None, waited.append)
    requests = answers(
        a_refusal(503, Retry_After="3"),
        a_refusal(429, Retry_After="900"),
        URLError("x"),
        [a_report()],
    )
    batch = cli.Batch(b"", "application/zip", ("one.xml",), 1)
    assert [one["name"] for one in service.send(batch)] == ["one.xml"]
    assert waited == [3, 30, 3]
    assert len({one.get_header("Idempotency-key") for one in requests}) == 1


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (a_refusal(403), "the service refuses (403): Please wait."),
        (URLError("connection refused"), "does not answer"),
    ],
)
def test_a_service_that_refuses_or_stays_away_ends_the_import(
    answers: Callable[..., list[Request]], answer: Exception, told: str
) -> None:
    answers(*[answer] * 5)
    service = cli.Service("http://127.0.0.1", "t", uuid4(), None, lambda _: None)
    with pytest.raises(cli.ImportFailedError) as caught:
        service.send(cli.Batch(b"", "application/zip", (), 1))
    assert told in str(caught.value)


def test_an_unreadable_file_is_listed_with_its_reason_and_the_others_are_sent(
    folder: Path, answers: Callable[..., list[Request]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli, "_FILE_BYTES_MAX", 10)
    (folder / "files" / "a.XML").write_bytes(b"x" * 11)
    read = Path.read_bytes

    def refusing(path: Path) -> bytes:
        if path.name == "b.xml":
            raise PermissionError(13, "Permission denied")
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", refusing)
    out = console()
    requests = answers([a_report()])
    assert run(folder, to=out) == cli.EXIT_REFUSED
    assert len(requests) == 1
    told = printed(out)
    assert "It is larger than" in told
    assert "It cannot be read: Permission denied." in told
    assert "3 files: 1 imported, 0 already known, 2 refused, 0 conflict" in told


def test_a_refused_archive_does_not_cost_the_report_of_the_others(
    folder: Path, answers: Callable[..., list[Request]]
) -> None:
    (folder / "files" / "bad.zip").write_bytes(b"PK")
    (folder / "files" / "good.zip").write_bytes(b"PK")
    out = console()
    answers(a_refusal(422), [a_report(name="inside.xml")], [a_report()] * 3)
    assert run(folder, "--all", to=out) == cli.EXIT_REFUSED
    told = printed(out)
    assert "5 files: 4 imported, 0 already known, 1 refused, 0 conflict" in told
    assert "bad.zip" in told.replace(" ", "")
    assert "the service refuses (422): Please wait." in told
    assert "inside.xml" in told


@pytest.mark.parametrize("end", [a_refusal(401), URLError("connection refused")])
def test_an_import_that_ends_early_still_tells_what_is_in_and_what_was_not_sent(
    folder: Path,
    answers: Callable[..., list[Request]],
    end: Exception,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cli, "BATCH_FILES", 1)
    monkeypatch.setattr(cli.time, "sleep", lambda _: None)
    monkeypatch.setattr(cli, "_TRIES", 1)
    out = console()
    answers([a_report("conflict", conflict_id="1234")], end)
    assert run(folder, to=out) == cli.EXIT_FAILED
    told = printed(out)
    assert "to decide: 1234" in told
    assert "3 files: 0 imported, 0 already known, 0 refused, 1 conflict, 2 not sent" in told
    assert "✗" in told


def test_an_answer_that_is_no_report_ends_the_import_with_the_report_so_far(
    folder: Path, answers: Callable[..., list[Request]], monkeypatch: pytest.MonkeyPatch
) -> None:
    out = console()
    answers(ValueError("no JSON"))
    assert run(folder, to=out) == cli.EXIT_FAILED
    assert "answers what is no report" in printed(out)
    assert "3 not sent" in printed(out)


@pytest.mark.parametrize("wrong", ["url", "path", "token", "empty"])
def test_a_wrong_argument_is_told_and_has_its_exit_status(folder: Path, wrong: str) -> None:
    (folder / "none").mkdir()
    out = console()
    path = {"path": "missing", "empty": "none"}.get(wrong, "files")
    token = "missing" if wrong == "token" else "token"
    url = "file:///etc" if wrong == "url" else "http://127.0.0.1:9"
    arguments = ["--practice", PRACTICE, "--token-file", str(folder / token), "--url", url]
    assert cli.main([str(folder / path), *arguments], console=out) == cli.EXIT_FAILED
    assert "✗" in printed(out)


BAR = re.compile(r"importing .*? (\d+)/(\d+) ")


def terminal() -> Console:
    """A console that takes itself for a terminal, without colours and movements of the cursor."""
    return Console(file=io.StringIO(), width=120, force_terminal=True, color_system=None)


def standings(of: Console) -> list[tuple[int, int]]:
    """Return what the progress bar said one after the other: files done, and of how many."""
    shown = [(int(done), int(total)) for done, total in BAR.findall(printed(of))]
    return [one for place, one in enumerate(shown) if place == 0 or shown[place - 1] != one]


def looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the bar be drawn at every step, not only when some time has passed."""
    advance = Progress.advance

    def drawn(self: Progress, *given: Any) -> None:
        advance(self, *given)
        self.refresh()

    monkeypatch.setattr(Progress, "advance", drawn)


def test_a_terminal_sees_a_bar_that_counts_the_files_in_archives(
    folder: Path, answers: Callable[..., list[Request]], monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at(monkeypatch)
    with zipfile.ZipFile(folder / "files" / "export.zip", "w") as archive:
        archive.mkdir("inner")
        for place in range(7):
            archive.writestr(f"inner/{place}.xml", b"<a/>")
    (folder / "files" / "zz-damaged.zip").write_bytes(b"no archive")
    out = terminal()
    answers([a_report()] * 7, a_refusal(422), [a_report()] * 3)
    assert run(folder, to=out) == cli.EXIT_REFUSED
    assert standings(out)[-3:] == [(7, 11), (8, 11), (11, 11)]


def test_the_bar_of_an_import_that_ends_early_stays_where_it_was(
    folder: Path, answers: Callable[..., list[Request]], monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at(monkeypatch)
    monkeypatch.setattr(cli, "BATCH_FILES", 1)
    out = terminal()
    answers([a_report()], a_refusal(401))
    assert run(folder, to=out) == cli.EXIT_FAILED
    assert standings(out)[-1] == (1, 3)


def test_a_file_too_large_to_send_counts_as_dealt_with(
    folder: Path, answers: Callable[..., list[Request]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli, "_FILE_BYTES_MAX", 5)
    (folder / "files" / "large.xml").write_bytes(b"<large/>")
    out = terminal()
    answers([a_report()] * 3)
    assert run(folder, to=out) == cli.EXIT_REFUSED
    assert standings(out)[-1] == (4, 4)


def test_a_pipe_sees_no_bar(folder: Path, answers: Callable[..., list[Request]]) -> None:
    out = console()
    answers([a_report()] * 3)
    assert run(folder, to=out) == 0
    assert "importing" not in printed(out)
