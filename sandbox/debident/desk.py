"""Lets the HTTP handlers use the portal: one at a time, and off the event loop's thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from aiohttp import web

from sandbox.debident.portal import Portal

T = TypeVar("T")


class Desk:
    """The portal behind a queue: opening a big package does not stop other requests' sockets."""

    def __init__(self, portal: Portal) -> None:
        self.portal = portal
        self._turn = asyncio.Lock()

    async def ask(self, question: Callable[[], T]) -> T:
        """Run one synchronous question to the portal and return its answer."""
        async with self._turn:
            return await asyncio.to_thread(question)


DESK = web.AppKey("desk", Desk)


def error_answer(
    status: int, code: str, text: str, *, headers: dict[str, str] | None = None
) -> web.Response:
    """Return an error in the form of docs/portal-http.md."""
    return web.json_response({"code": code, "text": text}, status=status, headers=headers)
