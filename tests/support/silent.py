"""A broker that accepts every connection and never says a word: frozen, or not a broker at all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sandbox.ports import LOOPBACK


@asynccontextmanager
async def silent_server() -> AsyncIterator[str]:
    """Yield "host:port" of a server that accepts and never answers."""
    let_go = asyncio.Event()

    async def say_nothing(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await let_go.wait()
        writer.close()

    server = await asyncio.start_server(say_nothing, LOOPBACK, 0)
    host, port = server.sockets[0].getsockname()[:2]
    try:
        yield f"{host}:{port}"
    finally:
        let_go.set()
        server.close()
        await server.wait_closed()
