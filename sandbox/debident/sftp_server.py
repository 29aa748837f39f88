"""The portal's SFTP server: who may sign in, and which key proves the server."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import asyncssh

from sandbox.debident.api import SLOW_SECONDS
from sandbox.debident.client_keys import account_by_key
from sandbox.debident.desk import Desk
from sandbox.debident.mischief import SIGN_IN
from sandbox.debident.settings import PortalSettings
from sandbox.debident.sftp_desk import SftpDesk
from sandbox.debident.sftp_files import ACCOUNT, PortalFiles, until_gone

_KEY_FILE = "sftp_host_key"
_ADDRESS_FILE = "sftp.json"
_LOGIN_SECONDS = 30


@dataclass(frozen=True, slots=True)
class SftpAddress:
    """Where the server listens, and its public key as "algorithm base64"."""

    host: str
    port: int
    host_key: str


class _Door(asyncssh.SSHServer):
    """One connection: a registered client signs in with its id and its secret or key."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._connection: asyncssh.SSHServerConnection | None = None

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn

    async def begin_auth(self, username: str) -> bool:  # noqa: ARG002 - the library's signature
        """Apply the switches that concern every request; then everybody must prove itself."""
        portal = self._desk.portal
        switches, down = await self._desk.ask(lambda: (portal.misbehaviour(), portal.down()))
        if down is not None:
            await self._out_of_order(down)
        await asyncio.sleep(switches.slow_seconds)
        draw = await self._desk.ask(lambda: portal.draw(SIGN_IN))
        for name in ("unavailable", "hang"):
            if draw.has(name):
                await self._out_of_order(name)
        if draw.has("down"):
            down = await self._desk.ask(portal.down)
            await self._out_of_order(down or "cut-off")
        if draw.has("slow"):
            await asyncio.sleep(SLOW_SECONDS)
        return True

    async def _out_of_order(self, how: str) -> None:
        """End the sign-in: with an answer, once the caller has given up, or with a break."""
        if how == "unavailable":
            raise asyncssh.ServiceNotAvailable("the portal is being maintained")
        if self._connection is not None:
            if how == "hang":
                await until_gone(self._connection)
            self._connection.abort()
        raise asyncssh.ConnectionLost("the portal is out of order")

    def password_auth_supported(self) -> bool:
        """The secret is the password."""
        return True

    async def validate_password(self, username: str, password: str) -> bool:
        """Let a client in to its own account."""
        portal = self._desk.portal
        token = await self._desk.ask(lambda: portal.issue_token(username, password))
        if token is None or self._connection is None:
            return False
        self._connection.set_extra_info(**{ACCOUNT: portal.account_of(token)})
        return True

    def public_key_auth_supported(self) -> bool:
        """A client that registered a key may sign in with it."""
        return True

    async def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        """Let a client in to its own account; that it has the private key, the library proves."""
        store = self._desk.portal.store
        account = await self._desk.ask(lambda: account_by_key(store, username, key))
        if account is None or self._connection is None:
            return False
        self._connection.set_extra_info(**{ACCOUNT: account})
        return True


@asynccontextmanager
async def sftp_server(
    settings: PortalSettings, desk: Desk, port: int
) -> AsyncIterator[SftpAddress]:
    """Serve on a port, 0 for any free one; `sftp.json` in the state folder tells the address."""
    key = await asyncio.to_thread(_host_key, settings.state_dir)
    files = SftpDesk(desk.portal, package_bytes_max=settings.package_bytes_max)
    acceptor = await asyncssh.listen(
        settings.host,
        port,
        config=None,
        server_factory=partial(_Door, desk),
        server_host_keys=[key],
        sftp_factory=partial(PortalFiles, desk=desk, files=files),
        allow_scp=False,
        agent_forwarding=False,
        x11_forwarding=False,
        login_timeout=_LOGIN_SECONDS,
    )
    public = " ".join(key.export_public_key("openssh").decode("ascii").split()[:2])
    address = SftpAddress(settings.host, acceptor.get_port(), public)
    await asyncio.to_thread(_record, settings.state_dir, address)
    try:
        yield address
    finally:
        acceptor.close()
        await acceptor.wait_closed()


def _host_key(state_dir: Path) -> asyncssh.SSHKey:
    """Return the server's key, which stays the same over restarts."""
    path = state_dir / _KEY_FILE
    if path.exists():
        return asyncssh.read_private_key(path)
    key = asyncssh.generate_private_key("ssh-ed25519")
    fresh = path.with_suffix(".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(key.export_private_key())
    fresh.rename(path)
    return key


def _record(state_dir: Path, address: SftpAddress) -> None:
    text = json.dumps({"host": address.host, "port": address.port, "host_key": address.host_key})
    (state_dir / _ADDRESS_FILE).write_text(text, encoding="utf-8")
