"""One visit to a portal's SFTP server: sign in, do a few bounded things, leave.

A visit belongs to one access. Connections are not kept, so none can serve another practice, and
none can have died unnoticed before it is used.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from typing import cast

import asyncssh

from services.debident_gateway.domain.model import PortalAccess, SftpDoor

_PASSWORD = "password"  # noqa: S105 - a kind, not a secret
_PASSWORD_METHODS = ("password", "keyboard-interactive")
_GOODBYE_SECONDS = 1.0
_ENTRIES_MAX = 20_000
_REGULAR_FILE = 1  # FILEXFER_TYPE_REGULAR


class SftpTroubleError(Exception):
    """Something did not work.

    Attributes:
        code: stable kebab-case reason.
        answered: the server itself said no; otherwise its answer is not known.
    """

    def __init__(self, code: str, *, answered: bool = False) -> None:
        super().__init__(code)
        self.code = code
        self.answered = answered


class TooManyBytesError(Exception):
    """A file has more bytes than any right one."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A regular file in a folder; the name may be anything that a server can think of."""

    name: str
    size_bytes: int


class SftpVisit:
    """What can be done during a visit; paths are relative to where the sign-in leads.

    Every method raises SftpTroubleError for what the server or the network does.
    """

    def __init__(self, client: asyncssh.SFTPClient) -> None:
        self._client = client

    async def read(self, path: str, *, bytes_max: int) -> bytes | None:
        """Return a file's bytes, or None where there is no such file.

        Raises:
            TooManyBytesError: it has more than `bytes_max`; no more than these were read.
        """
        with _troubles():
            try:
                async with self._client.open(path, "rb") as file:
                    data = cast("bytes", await file.read(bytes_max + 1))
            except (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath):
                return None
        if len(data) > bytes_max:
            raise TooManyBytesError
        return data

    async def pieces(self, path: str, *, piece_bytes: int) -> AsyncGenerator[bytes, None]:
        """Yield a file's bytes, so many at a time; a file that is not there is one of troubles."""
        with _troubles(missing="portal-lacks-the-file"):
            async with self._client.open(path, "rb") as file:
                while piece := cast("bytes", await file.read(piece_bytes)):
                    yield piece

    async def entries(self, folder: str) -> list[Entry]:
        """Return the regular files of a folder, as many as any right one has."""
        found: list[Entry] = []
        seen = 0
        with _troubles():
            async with aclosing(self._names_in(folder)) as listing:
                async for entry in listing:
                    seen += 1
                    if seen > _ENTRIES_MAX:
                        raise SftpTroubleError("listing-too-large")
                    size = entry.attrs.size
                    if entry.attrs.type == _REGULAR_FILE and size is not None:
                        found.append(Entry(str(entry.filename), size))
        return found

    def _names_in(self, folder: str) -> AsyncGenerator[asyncssh.SFTPName, None]:
        return cast("AsyncGenerator[asyncssh.SFTPName, None]", self._client.scandir(folder))

    async def require_folder(self, path: str) -> None:
        """Make sure that a folder is there, so that a missing file in it means something."""
        with _troubles():
            if not await self._client.isdir(path):
                raise SftpTroubleError("portal-folder-missing")

    async def write(self, path: str, data: bytes) -> int:
        """Write a whole file, onto the disk if the server offers that; return its size there."""
        with _troubles():
            async with self._client.open(path, "wb") as file:
                await file.write(data)
                # A server that does not offer it decides by itself.
                with suppress(asyncssh.SFTPOpUnsupported):
                    await file.fsync()
            return await self._client.getsize(path) or 0

    async def remove(self, path: str) -> None:
        """Remove a file; one that is gone already is as good."""
        with _troubles():
            try:
                await self._client.remove(path)
            except (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath):
                return

    async def rename(self, old: str, new: str) -> None:
        """Give a file its final name in one step."""
        with _troubles():
            try:
                await self._client.posix_rename(old, new)
            except asyncssh.SFTPOpUnsupported:
                await self._client.rename(old, new)


class SftpVisits:
    """Opens visits: few at a time, bounded in time, to the pinned server only."""

    def __init__(self, *, timeout_seconds: float, connections_max: int) -> None:
        self._timeout_seconds = timeout_seconds
        self._places = asyncio.Semaphore(connections_max)

    @asynccontextmanager
    async def begin(
        self, access: PortalAccess, door: SftpDoor, *, patience: float = 1
    ) -> AsyncIterator[SftpVisit]:
        """Sign in within the time-out, and stay for `patience` times as long at most.

        Raises:
            SftpTroubleError: no place, no connection, another host key, or no entry.
        """
        with _troubles():
            async with asyncio.timeout(self._timeout_seconds):
                await self._places.acquire()
        try:
            async with self._connected(access, door) as connection:
                with _deadline(connection, self._timeout_seconds * patience), _troubles():
                    client = await connection.start_sftp_client(
                        path_encoding="utf-8", path_errors="surrogateescape"
                    )
                    yield SftpVisit(client)
        finally:
            self._places.release()

    @asynccontextmanager
    async def _connected(
        self, access: PortalAccess, door: SftpDoor
    ) -> AsyncIterator[asyncssh.SSHClientConnection]:
        with _troubles(lost="could-not-connect"):
            async with asyncio.timeout(self._timeout_seconds):
                connection = await _connect(access, door)
        try:
            yield connection
        finally:
            await _leave(connection)


async def _connect(access: PortalAccess, door: SftpDoor) -> asyncssh.SSHClientConnection:
    """Connect with these credentials and nothing that lies about on this machine."""
    host_key = asyncssh.import_public_key(door.host_key)
    by_password = door.sign_in == _PASSWORD
    return await asyncssh.connect(
        door.host,
        door.port,
        config=None,
        agent_path=None,
        known_hosts=([host_key], [], []),
        # Also another type of key is to be seen and refused, not to end as "no common algorithm".
        server_host_key_algs="default",
        username=access.client_id,
        password=access.client_secret if by_password else None,
        client_keys=None if by_password else [asyncssh.import_private_key(access.client_secret)],
        preferred_auth=_PASSWORD_METHODS if by_password else ("publickey",),
    )


async def _leave(connection: asyncssh.SSHClientConnection) -> None:
    """Say goodbye; a server that does not let go is left standing."""
    connection.close()
    try:
        async with asyncio.timeout(_GOODBYE_SECONDS):
            await connection.wait_closed()
    except TimeoutError:
        connection.abort()


@contextmanager
def _deadline(connection: asyncssh.SSHClientConnection, seconds: float) -> Iterator[None]:
    """Cut the connection when the time is up.

    A cancelled call would not do: on its way out it would wait for the server to close a file.
    """
    is_over = False

    def cut() -> None:
        nonlocal is_over
        is_over = True
        connection.abort()

    timer = asyncio.get_running_loop().call_later(seconds, cut)
    try:
        yield
    except SftpTroubleError as trouble:
        if is_over:
            raise SftpTroubleError("time-out") from trouble
        raise
    finally:
        timer.cancel()


@contextmanager
def _troubles(*, lost: str = "connection-lost", missing: str | None = None) -> Iterator[None]:
    """Give what the library raises its stable code; malformed packets can be a ValueError."""
    try:
        yield
    except (asyncssh.Error, OSError, ValueError) as error:
        if missing and isinstance(error, (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath)):
            raise SftpTroubleError(missing, answered=True) from error
        for kinds, code, answered in _CODES:
            if isinstance(error, kinds):
                raise SftpTroubleError(code, answered=answered) from error
        raise SftpTroubleError(lost) from error


# The first row that fits; what fits none is a lost connection.
_CODES: tuple[tuple[type[Exception] | tuple[type[Exception], ...], str, bool], ...] = (
    (TimeoutError, "time-out", False),
    (asyncssh.HostKeyNotVerifiable, "portal-host-key-changed", True),
    (asyncssh.PermissionDenied, "portal-refused-credentials", True),
    (asyncssh.ServiceNotAvailable, "portal-unavailable", True),
    ((asyncssh.SFTPConnectionLost, asyncssh.SFTPNoConnection), "connection-lost", False),
    ((asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath), "portal-folder-missing", True),
    (asyncssh.SFTPBadMessage, "unreadable-answer", False),
    (asyncssh.SFTPError, "portal-refused-file", True),
    (asyncssh.ProtocolError, "unreadable-answer", False),
    (asyncssh.KeyExchangeFailed, "unreadable-answer", False),
    (ValueError, "unreadable-answer", False),
)
