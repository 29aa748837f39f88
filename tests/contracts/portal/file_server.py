"""A plain SFTP server on a folder of the test's, on which nobody answers unless the test does."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncssh

from services.debident_gateway.domain.model import PortalAccess, SftpDoor
from tests.contracts.portal.harness import sha256
from tests.unit.debident_gateway.builders import ACCOUNT

HOST_KEY = asyncssh.generate_private_key("ssh-ed25519")
CLIENT_KEY = asyncssh.generate_private_key("ssh-ed25519")
Fault = Callable[["Files"], Awaitable[None]]


def public_line(key: asyncssh.SSHKey) -> str:
    """Return a public key as it is entered."""
    return " ".join(key.export_public_key().decode().split()[:2])


async def cut(files: Files) -> None:
    """Break the connection without an answer."""
    files.connection.abort()
    raise asyncssh.SFTPFailure("cut off")


async def hang(_: Files) -> None:
    """Never answer."""
    await asyncio.Event().wait()


async def not_offered(_: Files) -> None:
    """Answer that the operation is none of this server's."""
    raise asyncssh.SFTPOpUnsupported("no such operation")


async def say_no(_: Files) -> None:
    """Answer that it failed."""
    raise asyncssh.SFTPFailure("no")


@dataclass
class FileServer:
    """The server's folder, its faults by operation, and what it saw."""

    folder: Path
    port: int = 0
    faults: dict[str, Fault] = field(default_factory=dict)
    names: list[bytes] = field(default_factory=list)
    users: list[str] = field(default_factory=list)
    passwords: list[str] = field(default_factory=list)
    files: list[Any] = field(default_factory=list)
    plain_renames: int = 0
    open_now: int = 0
    open_most: int = 0

    def door(self, **changes: Any) -> SftpDoor:
        """The way in."""
        values: dict[str, Any] = {
            "host": "127.0.0.1",
            "port": self.port,
            "host_key": public_line(HOST_KEY),
            "sign_in": "password",
        }
        return SftpDoor(**(values | changes))

    def dropped(self) -> list[str]:
        """The files in the folder of orders."""
        return sorted(path.name for path in (self.folder / "orders/in").iterdir())

    def acknowledge(self, about: UUID, package: bytes, **changes: Any) -> None:
        """Answer about an order as the portal would."""
        body = {
            "order_id": str(about),
            "state": "received",
            "reference": "DBD-1",
            "sha256": sha256(package),
        }
        path = self.folder / f"orders/ack/{about}.json"
        path.write_text(json.dumps(body | changes))

    def publish(self, name: str, content: bytes, digest: str | None = None) -> None:
        """Put a DEB file there with its checksum."""
        (self.folder / "deb" / name).write_bytes(content)
        text = f"{digest or sha256(content)}  {name}\n"
        (self.folder / "deb" / f"{name}.sha256").write_text(text)


class Files(asyncssh.SFTPServer):
    """The library's own file server in its cage, with faults before and after."""

    def __init__(self, channel: asyncssh.SSHServerChannel[bytes], *, server: FileServer) -> None:
        super().__init__(channel, chroot=str(server.folder).encode())
        self._server = server

    async def _fault(self, when: str) -> None:
        if (fault := self._server.faults.get(when)) is not None:
            await fault(self)

    async def posix_rename(self, oldpath: bytes, newpath: bytes) -> None:
        await self._fault("before-rename")
        super().posix_rename(oldpath, newpath)
        await self._fault("after-rename")

    async def rename(self, oldpath: bytes, newpath: bytes) -> None:
        await self._fault("before-plain-rename")
        super().rename(oldpath, newpath)
        self._server.plain_renames += 1
        await self._fault("after-plain-rename")

    def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> object:
        found = super().open(path, pflags, attrs)
        self._server.files.append(found)
        return found

    async def write(self, file_obj: object, offset: int, data: bytes) -> int:
        written = super().write(file_obj, offset, data)
        await self._fault("after-write")
        assert isinstance(written, int)
        return written

    async def read(self, file_obj: object, offset: int, size: int) -> bytes:
        await self._fault("before-read")
        found = super().read(file_obj, offset, size)
        assert isinstance(found, bytes)
        return found

    async def scandir(self, path: bytes) -> AsyncIterator[asyncssh.SFTPName]:
        if path.endswith(b"deb") and self._server.names:
            attrs = asyncssh.SFTPAttrs(size=4, permissions=0o100640)
            for name in self._server.names:
                yield asyncssh.SFTPName(name, attrs=attrs)
        async for found in super().scandir(path):
            yield found


class _Door(asyncssh.SSHServer):
    def __init__(self, server: FileServer) -> None:
        self._server = server

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._server.open_now += 1
        self._server.open_most = max(self._server.open_most, self._server.open_now)

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.open_now -= 1

    def begin_auth(self, username: str) -> bool:
        self._server.users.append(username)
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        self._server.passwords.append(password)
        return password == "s3cret"

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return key == CLIENT_KEY.convert_to_public()


@asynccontextmanager
async def file_server(folder: Path) -> AsyncIterator[FileServer]:
    """Serve the folders of docs/portal-sftp.md on loopback."""
    for name in ("orders/in", "orders/ack", "deb"):
        (folder / name).mkdir(parents=True)
    (folder / "account.json").write_text(json.dumps({"account_number": ACCOUNT}))
    server = FileServer(folder)
    acceptor = await asyncssh.listen(
        "127.0.0.1",
        0,
        config=None,
        server_factory=partial(_Door, server),
        server_host_keys=[HOST_KEY],
        sftp_factory=partial(Files, server=server),
    )
    server.port = acceptor.get_port()
    try:
        yield server
    finally:
        acceptor.close()
        await acceptor.wait_closed()
        for opened in server.files:  # A session that hung has closed nothing.
            opened.close()


def led(access: PortalAccess, door: SftpDoor, **changes: Any) -> PortalAccess:
    """Return an access through a door."""
    values = {"client_id": access.client_id, "client_secret": access.client_secret, **changes}
    return PortalAccess(
        practice_id=access.practice_id,
        account_number=access.account_number,
        sftp=door,
        **values,
    )
