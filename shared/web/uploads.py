"""Reads a request's body within its limits of size, time and type."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import ClientPayloadError, web
from aiohttp.http_exceptions import HttpProcessingError

from shared.web.endpoints import Endpoint
from shared.web.problems import Problem, ProblemError
from shared.web.spool import Spool

_CHUNK_BYTES = 65_536
# What aiohttp raises for a body that breaks off, or whose framing is wrong.
_BROKEN = (
    ConnectionError,
    ClientPayloadError,
    HttpProcessingError,
    web.PayloadAccessError,
    web.RequestPayloadError,
)
_EMPTY_BODIES = frozenset({b"", b"{}"})


async def read_body(request: web.Request, endpoint: Endpoint, *, seconds: float) -> bytes:
    """Return the body; at most `max_body_bytes` are ever held.

    Raises:
        ProblemError: 408, 413 or 415, or 400 for a body where none belongs.
    """
    takes_json = _check_head(request, endpoint)
    pieces = bytearray()
    async with _in_time(seconds):
        async for piece in _pieces(request, endpoint):
            pieces += piece
    body = bytes(pieces)
    if endpoint.request is None and takes_json and body.strip() not in _EMPTY_BODIES:
        detail = "This request takes no body."
        raise ProblemError(Problem(400, "unexpected-body", detail))
    return body


async def spool_body(request: web.Request, endpoint: Endpoint, *, seconds: float) -> Spool:
    """Return the body on the disk; at most `max_body_bytes` of it. The caller closes it.

    Raises:
        ProblemError: 400, 408, 413 or 415.
    """
    _check_head(request, endpoint)
    spool = Spool()
    try:
        async with _in_time(seconds):
            async for piece in _pieces(request, endpoint):
                await spool.write(piece)
    except BaseException:
        spool.close()
        raise
    return spool


def _check_head(request: web.Request, endpoint: Endpoint) -> bool:
    """Judge a body by what is said of it; return whether it is JSON."""
    if request.content_length is not None and request.content_length > endpoint.max_body_bytes:
        raise _too_large(endpoint)
    takes_json = endpoint.request_media_type == "application/json"
    if endpoint.request is not None or not takes_json:
        _check_type(request, endpoint.request_media_type, *endpoint.further_media_types)
    return takes_json


@asynccontextmanager
async def _in_time(seconds: float) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        detail = "The request's body did not arrive in time."
        raise ProblemError(Problem(408, "request-timeout", detail)) from None


async def _pieces(request: web.Request, endpoint: Endpoint) -> AsyncIterator[bytes]:
    size = 0
    try:
        async for chunk in request.content.iter_chunked(_CHUNK_BYTES):
            size += len(chunk)
            if size > endpoint.max_body_bytes:
                raise _too_large(endpoint)
            yield chunk
    except _BROKEN:
        detail = "The request's body is not well-formed, or ended too early."
        raise ProblemError(Problem(400, "malformed-request", detail)) from None


def _check_type(request: web.Request, *media_types: str) -> None:
    charset = (request.charset or "utf-8").lower()
    encoding = request.headers.get("Content-Encoding", "identity").lower()
    wrong_charset = media_types[0] == "application/json" and charset not in {"utf-8", "utf8"}
    if request.content_type not in media_types or wrong_charset or encoding != "identity":
        detail = f"Send the body as {' or '.join(media_types)}, uncompressed; JSON in UTF-8."
        raise ProblemError(Problem(415, "unsupported-media-type", detail, field="Content-Type"))


def _too_large(endpoint: Endpoint) -> ProblemError:
    detail = f"The body may have at most {endpoint.max_body_bytes} bytes."
    facts = {"max_body_bytes": endpoint.max_body_bytes}
    return ProblemError(Problem(413, "request-too-large", detail, facts=facts))
