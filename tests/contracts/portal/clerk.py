"""A clerk at the portal's site, played by an HTTP client without any script."""

from __future__ import annotations

import io
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from html import unescape
from http.cookies import Morsel

import aiohttp


@dataclass(frozen=True, slots=True)
class SeenPage:
    """A page as the clerk sees it."""

    status: int
    html: str
    raw: bytes
    path: str
    headers: dict[str, str]

    @property
    def rows(self) -> list[list[str]]:
        """The cells of the page's table rows."""
        rows = re.findall(r"<tr>(.*?)</tr>", self.html, re.DOTALL)
        cells = [re.findall(r"<td[^>]*>(.*?)</td>", row, re.DOTALL) for row in rows]
        plain = [[unescape(re.sub(r"<[^>]+>", "", cell)) for cell in row] for row in cells]
        return [row for row in plain if row]

    def value(self, name: str) -> str:
        """The value of a hidden field."""
        found = re.search(rf'name="{name}" value="([^"]*)"', self.html)
        assert found is not None, self.html
        return unescape(found[1])

    def said(self, role: str) -> str:
        """What the page says in a notice of this role."""
        found = re.search(rf'role="{role}">([^<]*)<', self.html)
        assert found is not None, self.html
        return unescape(found[1])


class Clerk:
    """One browser."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    def cookies(self) -> Iterator[Morsel[str]]:
        """The cookies that this browser holds."""
        return iter(self._session.cookie_jar)

    async def see(self, path: str) -> SeenPage:
        """Open a page."""
        async with self._session.get(path) as response:
            return await _page(response)

    async def send(self, path: str, form: object) -> SeenPage:
        """Send a form, and follow where it leads."""
        async with self._session.post(path, data=form) as response:
            return await _page(response)

    async def log_in(self, client_id: str, secret: str) -> SeenPage:
        """Log in by the form."""
        token = (await self.see("/login")).value("token")
        form = {"token": token, "client_id": client_id, "secret": secret}
        return await self.send("/login", form)

    async def upload(self, package: bytes, *, csrf: str | None = None) -> SeenPage:
        """Hand over an order by the form."""
        token = (await self.see("/orders/new")).value("csrf") if csrf is None else csrf
        form = aiohttp.FormData(default_to_multipart=True)
        form.add_field("csrf", token)
        form.add_field("package", io.BytesIO(package), filename="order.zip")
        return await self.send("/orders", form)


async def _page(response: aiohttp.ClientResponse) -> SeenPage:
    raw = await response.read()
    html = raw.decode("utf-8", errors="replace")
    return SeenPage(response.status, html, raw, response.url.path, dict(response.headers))


@asynccontextmanager
async def a_clerk(url: str) -> AsyncIterator[Clerk]:
    """Return a browser of its own; it keeps cookies of a bare address too."""
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(url, cookie_jar=jar) as session:
        yield Clerk(session)
