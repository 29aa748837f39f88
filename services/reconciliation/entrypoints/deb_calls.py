"""The calls that `quittance deb` makes of the services; it knows HTTP only."""

from __future__ import annotations

import hashlib
import http.client
import json
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from shared.kernel.ids import derived_id, new_id

_TIMEOUT_SECONDS: Final = 300
_READ_BYTES: Final = 1_048_576
_PAGE_ROWS: Final = 500
_REPLAYED: Final = "Idempotency-Replayed"
_UNDOING: Final = "undoing"
_PAUSE_SECONDS, _PAUSE_SECONDS_MAX = 0.1, 2.0
_NAME_CHARACTERS_MAX: Final = 100
_NOT_OF_A_NAME: Final = re.compile(r"[^A-Za-z0-9._-]")


class CallFailedError(Exception):
    """The call cannot be made, or is refused; the message says why in plain words."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a service said: the status, and the JSON object.

    Attributes:
        replayed: whether it said so before, of the same request.
    """

    status: int
    body: Mapping[str, Any]
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Api:
    """One service, seen from outside.

    Attributes:
        url: where it answers, without a slash at the end.
        token: the bearer token.
    """

    url: str
    token: str = field(repr=False)

    def get(self, path: str, **query: str) -> Answer:
        """Ask.

        Raises:
            CallFailedError: it refuses, or does not answer.
        """
        return self._call(Request(self.url + _with(path, query)))  # noqa: S310 - checked

    def pages(
        self, path: str, *, after: str | None = None, rows: int | None = None
    ) -> Iterator[Mapping[str, Any]]:
        """Yield a list page by page, from behind a cursor to its end.

        Args:
            rows: of which so many are wanted; no page has more.

        Raises:
            CallFailedError: it refuses, does not answer, or gives the same page again and again.
        """
        limit = _PAGE_ROWS if rows is None else min(rows, _PAGE_ROWS)
        query = {"limit": str(limit)} | ({} if after is None else {"after": after})
        while True:
            body = self.get(path, **query).body
            yield body
            following = body.get("next")
            if following is None:
                return
            if following == query.get("after"):
                raise CallFailedError("the service gives the same page again")
            query |= {"after": str(following), "totals": "none"}

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

    def upload(self, path: str, file: Path, **query: str) -> Answer:
        """Send a file's bytes as they are, from the disk; the same bytes have the same key.

        Raises:
            CallFailedError: the file cannot be read, or the service refuses or does not answer.
        """
        target = _with(path, {"name": _name_of(file)} | query)
        try:
            with file.open("rb") as opened:
                key = derived_id("deb-upload", target, _sha256(opened))
                size = opened.tell()
                opened.seek(0)
                request = Request(f"{self.url}{target}", method="POST", data=opened)  # noqa: S310
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
                body = body if isinstance(body, dict) else {"items": body}
                return Answer(response.status, body, _REPLAYED in response.headers)
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


def _with(path: str, query: Mapping[str, str]) -> str:
    return f"{path}?{urlencode(query)}" if query else path


def _name_of(file: Path) -> str:
    """Return the file's name, with `_` for what the gateway takes in no name."""
    name = _NOT_OF_A_NAME.sub("_", file.name)[:_NAME_CHARACTERS_MAX]
    return name if name[:1].isalnum() else f"deb{name}"[:_NAME_CHARACTERS_MAX]


def undo_file(api: Api, path: str, reason: str) -> Mapping[str, Any]:
    """Have a file undone; return it as it then is.

    Raises:
        CallFailedError: the service refuses, or does not answer.
    """
    body = api.post(f"{path}/undo", {"reason": reason}).body
    file = body.get("file")
    return file if isinstance(file, dict) else {}


def discard_file(api: Api, path: str, reason: str) -> Mapping[str, Any]:
    """End a held file for good; return how it stands then.

    Raises:
        CallFailedError: the service refuses, or does not answer.
    """
    return api.post(f"{path}/discard", {"reason": reason}).body


def wait_until_undone(api: Api, path: str, *, seconds: int) -> bool:
    """Ask until the worker is done with undoing; return False if it is not after so many seconds.

    Raises:
        CallFailedError: the service refuses, or does not answer.
    """
    until, pause = time.monotonic() + seconds, _PAUSE_SECONDS
    while api.get(path).body.get("status") == _UNDOING:
        left = until - time.monotonic()
        if left <= 0:
            return False
        time.sleep(min(pause, left))
        pause = min(pause * 2, _PAUSE_SECONDS_MAX)
    return True
