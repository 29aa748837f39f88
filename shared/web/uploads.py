"""Reads a request's body within its limits of size, time and type: bytes, or several files."""

from __future__ import annotations

import asyncio
import hashlib
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import (
    BadContentDispositionHeader,
    BadContentDispositionParam,
    BodyPartReader,
    ClientPayloadError,
    MultipartReader,
    web,
)
from aiohttp.http_exceptions import HttpProcessingError

from shared.web.endpoints import Endpoint, UploadedFile
from shared.web.problems import Problem, ProblemError
from shared.web.spool import Spool

MULTIPART = "multipart/form-data"
FILES_PART = "files"
"""The name of every part of an upload of several files."""
FILES_MAX = 1000
_CHUNK_BYTES = 65_536
_SLOWEST_BYTES_PER_SECOND = 65_536
# What aiohttp raises for a body that breaks off, or whose framing is wrong.
_BROKEN = (
    ConnectionError,
    ClientPayloadError,
    HttpProcessingError,
    web.PayloadAccessError,
    web.RequestPayloadError,
)
# What aiohttp raises beyond that for parts that are wrong.
_BROKEN_PARTS = (*_BROKEN, RuntimeError, ValueError)
# Their words are the caller's, file names with them; the refusal of the part says enough.
for _warning in (BadContentDispositionHeader, BadContentDispositionParam):
    warnings.filterwarnings("ignore", category=_warning)
_EMPTY_BODIES = frozenset({b"", b"{}"})
_AS_IT_IS = frozenset({"7bit", "8bit", "binary"})


@dataclass(frozen=True, slots=True)
class Body:
    """What came as a request's body: bytes, the files of an upload of several, or on the disk."""

    raw: bytes = b""
    files: tuple[UploadedFile, ...] = ()
    spool: Spool | None = None

    def sha256(self, further: bytes = b"") -> str:
        """Return the SHA-256 of what came, and of `further`; of files it is of names and bytes.

        How they were packed does not matter: a repeat has another boundary between its parts.
        """
        digest = hashlib.sha256(self.raw) if self.spool is None else self.spool.digest()
        for file in self.files:
            for piece in (file.name.encode(errors="backslashreplace"), file.data):
                digest.update(len(piece).to_bytes(8))
                digest.update(piece)
        digest.update(further)
        return digest.hexdigest()

    def close(self) -> None:
        """Let go of what rests on the disk."""
        if self.spool is not None:
            self.spool.close()


async def read_body(request: web.Request, endpoint: Endpoint, *, seconds: float) -> Body:
    """Return the body, which the caller closes; at most `max_body_bytes` are ever held.

    Raises:
        ProblemError: 408, 413 or 415, or 400 for a body where none belongs or parts that are wrong.
    """
    if endpoint.spools:
        return Body(spool=await _spool_body(request, endpoint, seconds=seconds))
    takes_json = _check_head(request, endpoint)
    pieces = bytearray()
    async with _in_time(seconds):
        if not takes_json and request.content_type == MULTIPART:
            return Body(files=await _read_files(request, endpoint))
        async for piece in _pieces(request, endpoint):
            pieces += piece
    body = bytes(pieces)
    if endpoint.request is None and takes_json and body.strip() not in _EMPTY_BODIES:
        detail = "This request takes no body."
        raise ProblemError(Problem(400, "unexpected-body", detail))
    return Body(body)


async def _spool_body(request: web.Request, endpoint: Endpoint, *, seconds: float) -> Spool:
    """Return the body on the disk; at most `max_body_bytes` of it.

    A large one may take longer: what came buys time for what comes.
    """
    _check_head(request, endpoint)
    spool, loop = Spool(), asyncio.get_running_loop()
    began = loop.time()
    try:
        async with _in_time(seconds) as limit:
            async for piece in _pieces(request, endpoint):
                await spool.write(piece)
                limit.reschedule(began + seconds + spool.size_bytes / _SLOWEST_BYTES_PER_SECOND)
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
async def _in_time(seconds: float) -> AsyncIterator[asyncio.Timeout]:
    try:
        async with asyncio.timeout(seconds) as limit:
            yield limit
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
        raise _malformed() from None


async def _read_files(request: web.Request, endpoint: Endpoint) -> tuple[UploadedFile, ...]:
    files: list[UploadedFile] = []
    try:
        parts = await request.multipart()
        while (part := await parts.next()) is not None:
            if len(files) == FILES_MAX:
                detail = f"An upload may have at most {FILES_MAX} files."
                raise ProblemError(Problem(413, "too-many-files", detail))
            files.append(await _read_file(part, request, endpoint))
    except _BROKEN_PARTS:
        raise _malformed() from None
    if not files:
        detail = f"Send at least one file, in a part with the name {FILES_PART}."
        raise ProblemError(Problem(400, "files-missing", detail))
    return tuple(files)


async def _read_file(
    part: BodyPartReader | MultipartReader, request: web.Request, endpoint: Endpoint
) -> UploadedFile:
    """Return the file of a part; what has come so far counts with the parts' headers."""
    if not isinstance(part, BodyPartReader) or not _is_file(part) or not part.filename:
        detail = (
            f"Each part must be a file as it is, with the name {FILES_PART} and its file name"
            " (Content-Disposition)."
        )
        raise ProblemError(Problem(400, "unexpected-part", detail))
    data = bytearray()
    while not part.at_eof():
        if request.content.total_bytes > endpoint.max_body_bytes:
            raise _too_large(endpoint)
        data += await part.read_chunk(_CHUNK_BYTES)
    return UploadedFile(part.filename, bytes(data))


def _is_file(part: BodyPartReader) -> bool:
    transfer = part.headers.get("Content-Transfer-Encoding", "binary").lower()
    is_plain = transfer in _AS_IT_IS and "Content-Encoding" not in part.headers
    return is_plain and part.name == FILES_PART


def _malformed() -> ProblemError:
    detail = "The request's body is not well-formed, or ended too early."
    return ProblemError(Problem(400, "malformed-request", detail))


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
