"""Fetches a DEB file of so many bytes into a folder and prints its peak memory in KiB.

`python -m tests.support.deb_fetch_memory ADAPTER BYTES FOLDER`, in a process of its own: a server
on loopback, the gateway's adapter, and the object store.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import resource
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

from services.debident_gateway.adapters.debident_http import HttpDebidentPortal
from services.debident_gateway.adapters.debident_sftp import SftpDebidentPortal
from services.debident_gateway.adapters.documents import ObjectStoreDocuments
from services.debident_gateway.domain.answers import ListedDebFile
from services.debident_gateway.domain.model import PortalAccess
from services.debident_gateway.ports.portal import DebidentPortal
from shared.kernel.clock import SystemClock
from shared.objectstore import open_object_store
from tests.contracts.portal.file_server import file_server, led
from tests.unit.debident_gateway.builders import PRACTICE, access

_PIECE = bytes(range(256)) * 256
_TIMEOUT_SECONDS = 60
_NAME = "000001-f1.deb"


def _pieces(size: int) -> list[int]:
    return [min(len(_PIECE), size - start) for start in range(0, size, len(_PIECE))]


async def _token(_: web.Request) -> web.Response:
    return web.json_response({"access_token": "t", "token_type": "Bearer", "expires_in": 3600})


@asynccontextmanager
async def _http(size: int) -> AsyncIterator[tuple[DebidentPortal, PortalAccess]]:
    async def content(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        response.content_length = size
        await response.prepare(request)
        for length in _pieces(size):
            await response.write(_PIECE[:length])
        return response

    app = web.Application()
    app.router.add_post("/oauth2/token", _token)
    app.router.add_get("/v1/deb-files/f1", content)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield (
        HttpDebidentPortal(
            url,
            timeout_seconds=_TIMEOUT_SECONDS,
            deb_file_bytes_max=size,
            clock=SystemClock(),
        ),
        access(),
    )
    await runner.cleanup()


@asynccontextmanager
async def _sftp(size: int, folder: Path) -> AsyncIterator[tuple[DebidentPortal, PortalAccess]]:
    async with file_server(folder / "home") as server:
        with (server.folder / "deb" / _NAME).open("wb") as file:
            for length in _pieces(size):
                file.write(_PIECE[:length])
        portal = SftpDebidentPortal(
            timeout_seconds=_TIMEOUT_SECONDS, deb_file_bytes_max=size, connections_max=1
        )
        yield portal, led(access(), server.door())


async def fetch(adapter: str, size: int, folder: Path) -> int:
    """Fetch the file; return how many bytes the object store says it holds."""
    digest = hashlib.sha256()
    for length in _pieces(size):
        digest.update(_PIECE[:length])
    file = ListedDebFile(1, "f1", _NAME, digest.hexdigest(), size)
    store = open_object_store(f"file://{folder / 'store'}", key=os.urandom(32))
    serving = _http(size) if adapter == "http" else _sftp(size, folder)
    async with serving as (portal, who):
        pieces = portal.download_deb_file(who, file)
        content = await ObjectStoreDocuments(store).receive_deb_file(
            pieces, file, practice_id=PRACTICE
        )
    return content.size_bytes


def main(adapter: str, size: int, folder: Path) -> None:
    """Fetch the file and print what it took."""
    stored = asyncio.run(fetch(adapter, size, folder))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    sys.stdout.write(f"{stored} {peak}\n")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
