"""The portal as the contract's adapter reaches it: an access with an SFTP door goes through it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import UUID

from services.debident_gateway.domain.answers import (
    DebFilePage,
    ListedDebFile,
    SendOutcome,
    StatusAnswer,
)
from services.debident_gateway.domain.model import PortalAccess, PortalAddress, SftpDoor
from services.debident_gateway.ports.portal import DebidentPortal


class PortalByAdapter:
    """Hands each call on; the access, which is chosen by the contract's adapter, decides."""

    def __init__(self, *, http: DebidentPortal, sftp: DebidentPortal) -> None:
        self._http = http
        self._sftp = sftp

    def _for(self, access: PortalAccess) -> DebidentPortal:
        return self._http if access.sftp is None else self._sftp

    def address(self, door: SftpDoor | None) -> PortalAddress:
        """Return which portal is called through a door."""
        return (self._http if door is None else self._sftp).address(door)

    async def send_order(
        self, access: PortalAccess, order_id: UUID, package: bytes, *, sha256: str
    ) -> SendOutcome:
        """Hand over an order's package."""
        return await self._for(access).send_order(access, order_id, package, sha256=sha256)

    async def order_status(self, access: PortalAccess, order_id: UUID) -> StatusAnswer:
        """Ask what the portal knows of an order."""
        return await self._for(access).order_status(access, order_id)

    async def list_deb_files(self, access: PortalAccess, *, after: int) -> DebFilePage:
        """List the account's DEB files behind a publication number."""
        return await self._for(access).list_deb_files(access, after=after)

    def download_deb_file(self, access: PortalAccess, file: ListedDebFile) -> AsyncIterator[bytes]:
        """Yield the bytes of a listed file."""
        return self._for(access).download_deb_file(access, file)
