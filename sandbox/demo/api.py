"""A small HTTP client for the demo: tokens, JSON, and problems as plain sentences."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen
from uuid import uuid4

_TIMEOUT_SECONDS = 20
_POLL_SECONDS = 0.1
T = TypeVar("T")


class ApiError(Exception):
    """A service answered with a problem document."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        super().__init__(f"{status} {problem.get('detail') or problem.get('title') or problem}")
        self.status = status
        self.problem = problem


class WaitedTooLongError(Exception):
    """Something did not happen in the time that it usually takes."""


@dataclass(frozen=True, slots=True)
class Api:
    """Calls services on behalf of one person."""

    urls: Mapping[str, str]
    token: str = field(repr=False)

    def get(self, service: str, path: str, **query: object) -> Any:
        """Return the JSON answer of a GET."""
        suffix = f"?{urlencode(query)}" if query else ""
        return self._call("GET", service, path + suffix, None)

    def post(self, service: str, path: str, body: Mapping[str, Any]) -> Any:
        """Return the JSON answer of a POST; each call has an idempotency key of its own."""
        return self._call("POST", service, path, body)

    def upload(self, service: str, path: str, data: bytes, media_type: str, **query: object) -> Any:
        """Return the JSON answer of a POST of a file."""
        suffix = f"?{urlencode(query)}" if query else ""
        return json.loads(self._send("POST", service, path + suffix, data, media_type))

    def put(self, service: str, path: str, body: Mapping[str, Any]) -> Any:
        """Return the JSON answer of a PUT of what there is not yet."""
        return self._call("PUT", service, path, body)

    def items(self, service: str, path: str, **query: object) -> list[dict[str, Any]]:
        """Return all items of a list, page by page."""
        found: list[dict[str, Any]] = []
        cursor: dict[str, object] = {}
        while True:
            page = self.get(service, path, **query, **cursor)
            found.extend(page["items"])
            if not page.get("next"):
                return found
            cursor = {"after": page["next"]}

    def text(self, service: str, path: str, **query: object) -> str:
        """Return the answer of a GET that is not JSON."""
        suffix = f"?{urlencode(query)}" if query else ""
        return self._raw("GET", service, path + suffix, None).decode()

    def _call(self, method: str, service: str, path: str, body: Mapping[str, Any] | None) -> Any:
        raw = self._raw(method, service, path, body)
        return json.loads(raw) if raw else None

    def _raw(self, method: str, service: str, path: str, body: Mapping[str, Any] | None) -> bytes:
        data = None if body is None else json.dumps(body).encode()
        return self._send(method, service, path, data, "application/json")

    def _send(
        self, method: str, service: str, path: str, data: bytes | None, media_type: str
    ) -> bytes:
        request = Request(  # noqa: S310 - an address that we made ourselves
            self.urls[service] + path,
            method=method,
            data=data,
            headers={
                "Authorization": f"Bearer {self.token}",
                "Content-Type": media_type,
                "Idempotency-Key": str(uuid4()),
                **({"If-None-Match": "*"} if method == "PUT" else {}),
            },
        )
        try:
            with urlopen(request, timeout=_TIMEOUT_SECONDS) as response:  # noqa: S310 - as above
                return bytes(response.read())
        except HTTPError as error:
            raise ApiError(error.code, _problem(error.read())) from error


def _problem(raw: bytes) -> Mapping[str, Any]:
    try:
        document = json.loads(raw)
    except ValueError:
        return {"detail": raw[:200].decode(errors="replace")}
    return document if isinstance(document, dict) else {"detail": str(document)}


def fetch_token(issuer_url: str, *, subject: str, role: str) -> str:
    """Ask the local issuer for a token that is valid for all practices."""
    form = urlencode({"subject": subject, "roles": role, "practices": "*"}).encode()
    request = Request(f"{issuer_url}/token", data=form, method="POST")  # noqa: S310 - ours
    with urlopen(request, timeout=_TIMEOUT_SECONDS) as response:  # noqa: S310 - as above
        return str(json.loads(response.read())["access_token"])


def wait_for(
    what: str, look: Callable[[], T | None], *, within_seconds: float, between: Callable[[], None]
) -> T:
    """Look again and again until there is something; `between` runs before each new look.

    Raises:
        WaitedTooLongError: it did not come in time; the message says what was awaited.
    """
    deadline = time.monotonic() + within_seconds
    while True:
        found = look()
        if found is not None:
            return found
        if time.monotonic() > deadline:
            raise WaitedTooLongError(f"{what} did not happen within {within_seconds:.0f} s")
        between()
        time.sleep(_POLL_SECONDS)
