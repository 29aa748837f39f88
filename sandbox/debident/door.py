"""The portal's door: while it is closed, nobody listens, and a connection is refused."""

from __future__ import annotations

import asyncio

from aiohttp import web


class Door:
    """The listening socket of the stand-in's process.

    Connections that are open when it closes are cut at their next request (`api.guard`).
    """

    def __init__(self, runner: web.AppRunner, *, host: str, port: int) -> None:
        self._runner = runner
        self._host = host
        self._port = port
        self._site: web.TCPSite | None = None
        self._opening: asyncio.Task[None] | None = None

    @property
    def is_closed(self) -> bool:
        """Whether nobody listens."""
        return self._site is None

    async def open(self) -> None:
        """Listen.

        Raises:
            OSError: the port is in use.
        """
        site = web.TCPSite(self._runner, self._host, self._port, reuse_address=True)
        await site.start()
        self._site = site

    async def close_for(self, seconds: float) -> None:
        """Stop listening at once, and open again after so many real seconds."""
        site, self._site = self._site, None
        if site is None:
            return
        await site.stop()
        self._opening = asyncio.create_task(self._open_after(seconds))

    async def _open_after(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await self.open()

    async def abandon(self) -> None:
        """Give up a planned opening, because the process ends."""
        if self._opening is not None:
            self._opening.cancel()
            await asyncio.gather(self._opening, return_exceptions=True)


DOOR = web.AppKey("door", Door)
