"""The portal over HTTP, as docs/portal-http.md says it; every call is bounded in time and size.

Connections are not kept: a kept one that the portal has closed meanwhile fails in the middle of a
request, and that would be a doubt. Uploads are POSTs, which the client library never repeats.
"""

from __future__ import annotations

import io
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import urlsplit
from uuid import UUID

import aiohttp
from pydantic import BaseModel

from services.debident_gateway.adapters import debident_wire as wire
from services.debident_gateway.adapters.deb_download import (
    PIECE_BYTES,
    as_announced,
    require_allowed_size,
    seconds_for,
)
from services.debident_gateway.adapters.debident_tokens import TokenCache
from services.debident_gateway.domain.answers import (
    Accepted,
    AlreadyHaveIt,
    DebFilePage,
    InDoubt,
    ListedDebFile,
    NotSent,
    Refused,
    SendOutcome,
    StatusAnswer,
    UnknownToPortal,
)
from services.debident_gateway.domain.model import (
    HTTP_ADAPTER,
    PortalAccess,
    PortalAddress,
    SftpDoor,
)
from services.debident_gateway.ports.portal import PortalSilentError
from shared.kernel.clock import Clock

_CONNECT_SECONDS = 5.0
_ANSWER_BYTES_MAX = 4_000_000
_NOT_NOW = {429: "portal-limits-account", 503: "portal-unavailable"}
B = TypeVar("B", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    body: bytes
    headers: Mapping[str, str]


class _AnswerTooLargeError(Exception):
    """The portal answered with more bytes than any right answer has."""


class HttpDebidentPortal:
    """Speaks with the portal; each practice's token is kept apart from every other's."""

    def __init__(
        self, base_url: str, *, timeout_seconds: float, deb_file_bytes_max: int, clock: Clock
    ) -> None:
        parts = urlsplit(base_url)
        self._base = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"
        port = parts.port or (443 if parts.scheme == "https" else 80)
        self._address = PortalAddress(HTTP_ADAPTER, f"{parts.hostname}:{port}")
        self._timeout_seconds = timeout_seconds
        self._deb_file_bytes_max = deb_file_bytes_max
        self._tokens = TokenCache(clock)

    def address(self, door: SftpDoor | None) -> PortalAddress:  # noqa: ARG002 - it has none
        """Return which portal is called: the one of the settings."""
        return self._address

    async def send_order(
        self, access: PortalAccess, order_id: UUID, package: bytes, *, sha256: str
    ) -> SendOutcome:
        """Hand over an order's package; what is not certainly unsent is a doubt."""
        for _ in range(2):
            try:
                token = await self._token(access)
            except PortalSilentError as error:
                return NotSent(error.code)
            outcome = await self._upload(access, token, order_id, package, sha256)
            if outcome is not None:
                return outcome
            self._tokens.forget(access)
        return NotSent("portal-refused-token")

    async def _upload(
        self, access: PortalAccess, token: str, order_id: UUID, package: bytes, sha256: str
    ) -> SendOutcome | None:
        """Return the outcome, or None where the token was refused (so nothing was taken)."""
        form = aiohttp.FormData()
        form.add_field("sha256", sha256)
        form.add_field("account_number", access.account_number)
        form.add_field(
            "package",
            io.BytesIO(package),
            filename=f"{order_id}.zip",
            content_type="application/zip",
        )
        try:
            answer = await self._request("POST", f"/v1/orders/{order_id}", token=token, data=form)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
            return NotSent("could-not-connect")
        except _AnswerTooLargeError:
            return InDoubt("answer-too-large")
        except TimeoutError:
            return InDoubt("time-out")
        except (aiohttp.ClientError, OSError):
            return InDoubt("connection-lost")
        return None if answer.status == 401 else _outcome_of(answer, order_id)

    async def order_status(self, access: PortalAccess, order_id: UUID) -> StatusAnswer:
        """Ask what the portal knows of an order."""
        answer = await self._ask(access, f"/v1/orders/{order_id}")
        # Only the portal's own word proves absence; any proxy can say 404.
        if answer.status == 404 and wire.error_code(answer.body) == "unknown-order":
            return UnknownToPortal()
        body = _read(wire.StatusBody, answer)
        status = body.to_answer()
        if status is None or body.order_id != order_id:
            raise PortalSilentError("unreadable-answer", "the portal's answer is not complete")
        return status

    async def list_deb_files(self, access: PortalAccess, *, after: int) -> DebFilePage:
        """List the account's DEB files behind a publication number."""
        answer = await self._ask(access, "/v1/deb-files", params={"after": str(after)})
        return _read(wire.DebFilesBody, answer).to_page()

    async def download_deb_file(
        self, access: PortalAccess, file: ListedDebFile
    ) -> AsyncGenerator[bytes, None]:
        """Yield the bytes of a listed file, checked against the announced size and hash."""
        require_allowed_size(file, self._deb_file_bytes_max)
        async with aclosing(as_announced(self._content(access, file), file)) as pieces:
            async for piece in pieces:
                yield piece

    async def _content(
        self, access: PortalAccess, file: ListedDebFile
    ) -> AsyncGenerator[bytes, None]:
        path = f"/v1/deb-files/{file.file_id}"
        seconds = seconds_for(file, timeout_seconds=self._timeout_seconds)
        for _ in range(2):
            token = await self._token(access)
            try:
                async with self._opened("GET", path, token=token, seconds=seconds) as response:
                    if response.status == 200:
                        async for piece in response.content.iter_chunked(PIECE_BYTES):
                            yield piece
                        return
                    status = response.status
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                raise _no_answer(error) from error
            if status != 401:
                raise _silent(status)
            self._tokens.forget(access)
        raise PortalSilentError("portal-refused-token", "the portal refused a fresh token")

    async def _ask(
        self,
        access: PortalAccess,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
    ) -> _Answer:
        """Ask a question that changes nothing, with a fresh token if the present one is refused."""
        for _ in range(2):
            token = await self._token(access)
            try:
                answer = await self._request("GET", path, token=token, params=params)
            except _AnswerTooLargeError as error:
                raise PortalSilentError("answer-too-large", "the answer is too large") from error
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                raise _no_answer(error) from error
            if answer.status != 401:
                return answer
            self._tokens.forget(access)
        raise PortalSilentError("portal-refused-token", "the portal refused a fresh token")

    async def _token(self, access: PortalAccess) -> str:
        kept = self._tokens.get(access)
        if kept is not None:
            return kept
        form = {
            "grant_type": "client_credentials",
            "client_id": access.client_id,
            "client_secret": access.client_secret,
        }
        try:
            answer = await self._request("POST", "/oauth2/token", data=form)
        except _AnswerTooLargeError as error:
            raise PortalSilentError("answer-too-large", "the answer is too large") from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _no_answer(error) from error
        if answer.status in {400, 401, 403}:
            raise PortalSilentError(
                "portal-refused-credentials", "the portal does not accept the credentials"
            )
        body = _read(wire.TokenBody, answer)
        self._tokens.put(access, body.access_token, lifetime_seconds=body.expires_in)
        return body.access_token

    async def _request(
        self,
        method: str,
        path: str,
        *,
        token: str | None = None,
        params: Mapping[str, str] | None = None,
        data: aiohttp.FormData | Mapping[str, str] | None = None,
    ) -> _Answer:
        async with self._opened(method, path, token=token, params=params, data=data) as response:
            return _Answer(response.status, await _bounded_body(response), response.headers)

    @asynccontextmanager
    async def _opened(
        self,
        method: str,
        path: str,
        *,
        token: str | None = None,
        params: Mapping[str, str] | None = None,
        data: aiohttp.FormData | Mapping[str, str] | None = None,
        seconds: float | None = None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        timeout = aiohttp.ClientTimeout(
            total=seconds or self._timeout_seconds,
            sock_connect=min(_CONNECT_SECONDS, self._timeout_seconds),
            sock_read=self._timeout_seconds,
        )
        headers = {"Accept-Encoding": "identity"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        async with (
            aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(force_close=True),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                timeout=timeout,
            ) as session,
            session.request(
                method,
                self._base + path,
                params=params,
                data=data,
                headers=headers,
                allow_redirects=False,
            ) as response,
        ):
            yield response


async def _bounded_body(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > _ANSWER_BYTES_MAX:
            raise _AnswerTooLargeError
    return bytes(body)


def _outcome_of(answer: _Answer, order_id: UUID) -> SendOutcome:
    code = wire.error_code(answer.body)
    match answer.status:
        case 200 | 202:
            return _taken(answer, order_id)
        case 422 if code is not None:
            return Refused(code)
        case 400 if code == "malformed":
            return Refused("malformed")
        case 409 if code == "other-content":
            # Something is there under our id that is not ours: only asking can tell more.
            return InDoubt("portal-has-other-content")
        case 429 | 503 if code == wire.NOT_NOW.get(answer.status):
            # Only the portal's own word says that nothing was taken; a proxy says so of an answer
            # that it lost.
            wish = wire.retry_after(answer.headers.get("Retry-After"))
            return NotSent(_NOT_NOW[answer.status], wish)
        case _:
            return InDoubt(f"unexpected-answer-{answer.status}")


def _taken(answer: _Answer, order_id: UUID) -> SendOutcome:
    try:
        body = wire.UploadBody.model_validate_json(answer.body)
    except ValueError:
        return InDoubt("unreadable-answer")
    if body.order_id != order_id:
        return InDoubt("answer-about-another-order")
    if body.result == "already-have-it":
        return AlreadyHaveIt(body.reference)
    return Accepted(body.reference)


def _read(model: type[B], answer: _Answer) -> B:
    if answer.status != 200:
        raise _silent(answer.status)
    try:
        return model.model_validate_json(answer.body)
    except ValueError as error:
        raise PortalSilentError("unreadable-answer", "the portal's answer has no known form") from (
            error
        )


def _silent(status: int) -> PortalSilentError:
    if status in _NOT_NOW:
        return PortalSilentError(_NOT_NOW[status], "the portal says: not now")
    return PortalSilentError(f"unexpected-answer-{status}", f"the portal answered {status}")


def _no_answer(error: Exception) -> PortalSilentError:
    if isinstance(error, (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)):
        return PortalSilentError("could-not-connect", f"the portal cannot be reached: {error}")
    if isinstance(error, TimeoutError):
        return PortalSilentError("time-out", "the portal did not answer in time")
    return PortalSilentError("connection-lost", f"the connection was lost: {error}")
