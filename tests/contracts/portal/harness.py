"""What the portal suite needs of a portal: the port itself, and someone behind the counter."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any, Protocol
from uuid import UUID

import aiohttp

from services.debident_gateway.adapters.debident_fake import FakeDebidentPortal
from services.debident_gateway.domain.answers import (
    DebFilePage,
    ListedDebFile,
    SendOutcome,
    StatusAnswer,
)
from services.debident_gateway.domain.model import PortalAccess, PortalAddress, SftpDoor
from services.debident_gateway.ports.portal import DebidentPortal

ADMIN_SECRET = "geheim"


class PortalHarness(Protocol):
    """A portal under test, with the levers behind its counter."""

    @property
    def portal(self) -> DebidentPortal:
        """The port."""

    async def register(self, access: PortalAccess) -> None:
        """Let a practice in."""

    async def misbehave(self, **switches: Any) -> None:
        """Set the switches; what is left out is off."""

    async def let_arrive(self) -> None:
        """Let every order arrive."""

    async def publish(self, account: str) -> None:
        """Publish a DEB file with what is new, in a while's time."""

    async def uploads(self, order_id: UUID) -> int:
        """How often an order's bytes were taken in or recognised."""


class FakeHarness:
    """The fake in memory."""

    def __init__(self) -> None:
        self.portal = FakeDebidentPortal()
        self._published = 0

    async def register(self, access: PortalAccess) -> None:
        """Let a practice in."""
        self.portal.clients[access.client_id] = (access.client_secret, access.account_number)

    async def misbehave(self, **switches: Any) -> None:
        """Set the switches."""
        self.portal.lost_answers = switches.get("lost_answer", 0)
        self.portal.dropped_requests = switches.get("drop_request", 0)
        self.portal.unavailable = switches.get("unavailable", 0)
        self.portal.refused_lines = switches.get("refuse_lines", {})
        self.portal.refuse_orders_with = switches.get("refuse_orders")

    async def let_arrive(self) -> None:
        """Let every order arrive."""
        self.portal.let_everything_arrive()

    async def publish(self, account: str) -> None:
        """Publish a DEB file."""
        self._published += 1
        content = f"rows {self._published}".encode()
        self.portal.offer_deb_file(account, content, file_id=f"{account}-{self._published:06d}")

    async def uploads(self, order_id: UUID) -> int:
        """How often an order's bytes came."""
        held = [order for (_, known), order in self.portal.orders.items() if known == order_id]
        return held[0].uploads if held else 0


class SandboxHarness:
    """The stand-in behind a socket, reached through the HTTP or the SFTP adapter."""

    def __init__(self, portal: DebidentPortal, base_url: str) -> None:
        self.portal = portal
        self.base_url = base_url

    async def admin(self, method: str, path: str, body: object = None) -> Any:
        """Call the admin API."""
        headers = {"Authorization": f"Bearer {ADMIN_SECRET}"}
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.request(method, f"{self.base_url}/admin{path}", json=body) as response,
        ):
            assert response.status < 300, await response.text()
            return await response.json() if response.status != 204 else None

    async def register(self, access: PortalAccess) -> None:
        """Let a practice in."""
        body = {"client_secret": access.client_secret, "account_number": access.account_number}
        await self.admin("PUT", f"/clients/{access.client_id}", body)

    async def misbehave(self, **switches: Any) -> None:
        """Set the switches."""
        body = {name.replace("_", "-"): value for name, value in switches.items()}
        await self.admin("PUT", "/misbehaviour", body)

    async def let_arrive(self) -> None:
        """Let every order arrive."""
        await self.admin("POST", "/advance", {"days": 1})

    async def publish(self, account: str) -> None:
        """Publish a DEB file."""
        answer = await self.admin("POST", f"/accounts/{account}/deb-files", {"advance_days": 5})
        assert answer["file"] is not None

    async def uploads(self, order_id: UUID) -> int:
        """How often an order's bytes came."""
        overview = await self.admin("GET", "/overview")
        held = [row["uploads"] for row in overview["orders"] if row["order_id"] == str(order_id)]
        return held[0] if held else 0


class ThroughTheDoor:
    """The port, with each access led to the door of one SFTP server."""

    def __init__(self, portal: DebidentPortal, door: SftpDoor) -> None:
        self._portal = portal
        self._door = door

    def address(self, door: SftpDoor | None) -> PortalAddress:
        """Return which portal is called."""
        return self._portal.address(door or self._door)

    def _led(self, access: PortalAccess) -> PortalAccess:
        return replace(access, sftp=self._door)

    async def send_order(
        self, access: PortalAccess, order_id: UUID, package: bytes, *, sha256: str
    ) -> SendOutcome:
        """Hand over an order's package."""
        return await self._portal.send_order(self._led(access), order_id, package, sha256=sha256)

    async def order_status(self, access: PortalAccess, order_id: UUID) -> StatusAnswer:
        """Ask what the portal knows of an order."""
        return await self._portal.order_status(self._led(access), order_id)

    async def list_deb_files(self, access: PortalAccess, *, after: int) -> DebFilePage:
        """List the account's DEB files behind a publication number."""
        return await self._portal.list_deb_files(self._led(access), after=after)

    def download_deb_file(self, access: PortalAccess, file: ListedDebFile) -> AsyncIterator[bytes]:
        """Yield the bytes of a listed file."""
        return self._portal.download_deb_file(self._led(access), file)


async def downloaded(portal: DebidentPortal, access: PortalAccess, file: ListedDebFile) -> bytes:
    """Return all bytes of a listed file."""
    return b"".join([piece async for piece in portal.download_deb_file(access, file)])


def sha256(data: bytes) -> str:
    """Return the hash of some bytes."""
    return hashlib.sha256(data).hexdigest()
