"""The calls that `quittance deb` makes, and how it shows their answers; it knows HTTP only.

Answers may have fields that this version does not know, or lack some: both are fine.
"""

from __future__ import annotations

import hashlib
import http.client
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from rich import box
from rich.console import Console
from rich.table import Table

from shared.kernel.ids import derived_id, new_id

_TIMEOUT_SECONDS: Final = 300
_READ_BYTES: Final = 1_048_576
_LIST_NAMES: Final = ("items", "rows")


class CallFailedError(Exception):
    """The call cannot be made, or is refused; the message says why in plain words."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a service said: the status, and the JSON object."""

    status: int
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Api:
    """One service, seen from outside.

    Attributes:
        url: where it answers, without a slash at the end.
        token: the bearer token.
    """

    url: str
    token: str = field(repr=False)

    def get(self, path: str) -> Answer:
        """Ask.

        Raises:
            CallFailedError: it refuses, or does not answer.
        """
        return self._call(Request(f"{self.url}{path}"))  # noqa: S310 - the scheme was checked

    def post(self, path: str, body: Mapping[str, Any]) -> Answer:
        """Ask for a change, once: every call has a key of its own.

        Raises:
            CallFailedError: it refuses, or does not answer.
        """
        data = json.dumps(body).encode()
        request = Request(f"{self.url}{path}", method="POST", data=data)  # noqa: S310 - as above
        request.add_header("Content-Type", "application/json")
        request.add_header("Idempotency-Key", str(new_id()))
        return self._call(request)

    def upload(self, path: str, file: Path) -> Answer:
        """Send a file's bytes as they are, from the disk; the same bytes have the same key.

        Raises:
            CallFailedError: the file cannot be read, or the service refuses or does not answer.
        """
        try:
            with file.open("rb") as opened:
                key = derived_id("deb-upload", path, _sha256(opened))
                size = opened.tell()
                opened.seek(0)
                request = Request(f"{self.url}{path}", method="POST", data=opened)  # noqa: S310
                request.add_header("Content-Type", "application/octet-stream")
                request.add_header("Content-Length", str(size))
                request.add_header("Idempotency-Key", str(key))
                return self._call(request)
        except OSError as error:
            raise CallFailedError(f"{file} cannot be read: {error.strerror}") from error

    def _call(self, request: Request) -> Answer:
        request.add_header("Authorization", f"Bearer {self.token}")
        request.add_header("Accept", "application/json")
        try:
            with urlopen(request, timeout=_TIMEOUT_SECONDS) as response:  # noqa: S310 - as above
                body = json.loads(response.read() or b"{}")
                return Answer(response.status, body if isinstance(body, dict) else {"items": body})
        except HTTPError as error:
            raise CallFailedError(_refusal(error)) from error
        except (URLError, OSError, http.client.HTTPException) as error:
            raise CallFailedError(f"{self.url} does not answer: {error}") from error
        except ValueError as error:
            raise CallFailedError(f"{self.url} does not answer in JSON") from error


def _sha256(opened: IO[bytes]) -> str:
    digest = hashlib.sha256()
    while chunk := opened.read(_READ_BYTES):
        digest.update(chunk)
    return digest.hexdigest()


def _refusal(error: HTTPError) -> str:
    try:
        problem = json.loads(error.read())
    except (ValueError, OSError):
        problem = {}
    told = problem.get("detail") or problem.get("title") if isinstance(problem, dict) else None
    return f"the service refuses ({error.code}): {told or error.reason}"


def import_file(api: Api, path: str, file: Path, console: Console) -> None:
    """Upload a DEB file to where its contract's files are brought; say how it is known there."""
    answer = api.upload(path, file)
    known = "known already" if answer.status == 200 else "taken"
    _say(console, f"{file.name}: {known}. DEB file {answer.body.get('deb_file_id', '(no id)')}")


def show_preview(api: Api, path: str, console: Console) -> None:
    """Show what booking a file would do, row by row."""
    show(api.get(f"{path}/preview").body, console)


def undo_file(api: Api, path: str, reason: str, console: Console) -> None:
    """Take a file's bookings back and show what came of it."""
    show(api.post(f"{path}/undo", {"reason": reason}).body, console)


def discard_file(api: Api, path: str, reason: str, console: Console) -> None:
    """End a held file for good and show how it stands."""
    show(api.post(f"{path}/discard", {"reason": reason}).body, console)


def show_row(api: Api, path: str, line: int, console: Console) -> None:
    """Show one row and all that is known of it."""
    show(api.get(f"{path}/rows/{line}").body, console)


def show(body: Mapping[str, Any], console: Console) -> None:
    """Print an answer: its facts, then each of its lists as a table."""
    facts = {name: value for name, value in body.items() if not _is_list(value)}
    if facts:
        table = Table(box=None, show_header=False)
        table.add_column(style="bold", no_wrap=True)
        table.add_column(overflow="fold")
        for name, value in facts.items():
            table.add_row(_words(name), _cell(value))
        console.print(table)
    for name, value in body.items():
        if _is_list(value):
            _show_list(name, value, console)


def _is_list(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, dict) for one in value)


def _show_list(name: str, rows: Sequence[Mapping[str, Any]], console: Console) -> None:
    columns = list(dict.fromkeys(key for row in rows for key in row))
    filled = [key for key in columns if any(row.get(key) not in {None, ""} for row in _flat(rows))]
    title = None if name in _LIST_NAMES else _words(name)
    table = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left")
    for key in filled:
        table.add_column(_words(key), overflow="fold")
    for row in rows:
        table.add_row(*(_cell(row.get(key)) for key in filled))
    console.print(table)


def _flat(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    return [{key: _cell(value) for key, value in row.items()} for row in rows]


def _words(name: str) -> str:
    return _plain(name.replace("_", " "))


def _cell(value: object) -> str:
    """Return a value in words: an amount with its currency, a change with an arrow."""
    if isinstance(value, dict):
        return _object(value)
    if isinstance(value, list):
        return ", ".join(_cell(one) for one in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else _plain(str(value))


def _object(value: Mapping[str, object]) -> str:
    if set(value) == {"amount", "currency"}:
        return _plain(f"{value['currency']} {value['amount']}")
    if set(value) == {"before", "after"}:
        return f"{_cell(value['before'])} → {_cell(value['after'])}"
    return ", ".join(f"{_words(key)} {_cell(one)}" for key, one in value.items())


def _say(console: Console, words: str) -> None:
    console.print(words, markup=False, highlight=False, soft_wrap=True)


def _plain(cell: str) -> str:
    """The text without what the console would take for markup, or a terminal for a command."""
    printable = "".join(char if char.isprintable() else "�" for char in cell)
    return printable.replace("[", r"\[")
