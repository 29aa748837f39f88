"""A DEB file of the portal as it is handed out: in pieces, so that memory does not grow with it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from aiohttp import web

from sandbox.debident.desk import Desk
from sandbox.debident.stored_file import PIECE_BYTES, StoredFile


@dataclass(slots=True)
class PiecewiseFile:
    """Answers reads anywhere in a file; keeps the last piece, for most read on from there."""

    desk: Desk
    file: StoredFile
    _start: int = 0
    _piece: bytes = b""
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def read(self, offset: int, size: int) -> bytes:
        """Return some bytes.

        Raises:
            FileChangedError: it is another content by now.
        """
        async with self._turn:
            end = self._start + len(self._piece)
            if not self._start <= offset <= offset + size <= end:
                wanted = max(size, PIECE_BYTES)
                self._piece = await self.desk.ask(lambda: self.file.piece(offset, wanted))
                self._start = offset
            begin = offset - self._start
            return self._piece[begin : begin + size]


async def send(
    request: web.Request, desk: Desk, file: StoredFile, headers: Mapping[str, str]
) -> web.StreamResponse:
    """Answer a request with a file's bytes; the connection breaks off if it changes meanwhile."""
    response = web.StreamResponse(headers=headers)
    response.content_type = "application/octet-stream"
    response.content_length = file.size
    await response.prepare(request)
    for offset in range(0, file.size, PIECE_BYTES):
        await response.write(await desk.ask(lambda at=offset: file.piece(at)))  # type: ignore[misc]
    await response.write_eof()
    return response
