"""The SFTP protocol over the portal's folders: no path of it ever meets this machine's disk."""

from __future__ import annotations

import asyncio
import posixpath
import stat
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import TypeVar

import asyncssh
from asyncssh.misc import MaybeAwait

from sandbox.debident.api import HANG_LOOK_SECONDS, HANG_LOOKS, SLOW_SECONDS
from sandbox.debident.deb_reading import PiecewiseFile
from sandbox.debident.desk import Desk
from sandbox.debident.hostile import malformed_answer
from sandbox.debident.mischief import READING, RENAME, Draw
from sandbox.debident.sftp_desk import ACK_FOLDER, FOLDERS, NotTakenError, Part, SftpDesk
from sandbox.debident.stored_file import FileChangedError

ACCOUNT = "debident_account"
_WRITES = asyncssh.FXF_WRITE | asyncssh.FXF_APPEND
T = TypeVar("T")


@dataclass(slots=True)
class _OpenFile:
    """An open file: a snapshot or a DEB file to read, or an upload to write to."""

    content: bytes = b""
    deb_file: PiecewiseFile | None = None
    part: Part | None = None


class PortalFiles(asyncssh.SFTPServer):
    """One practice's session. What is not offered here is denied."""

    def __init__(
        self, channel: asyncssh.SSHServerChannel[bytes], *, desk: Desk, files: SftpDesk
    ) -> None:
        super().__init__(channel)
        self._desk = desk
        self._files = files
        self._account = str(channel.get_extra_info(ACCOUNT))

    def map_path(self, path: bytes) -> bytes:  # noqa: ARG002 - the library's signature
        """Deny: whatever the library would do with a path of the disk goes through here."""
        raise asyncssh.SFTPPermissionDenied("the portal does not offer this")

    def realpath(self, path: bytes) -> MaybeAwait[bytes]:
        """Return the path within the account's home."""
        return _within_home(path).encode("utf-8", "surrogateescape")

    async def stat(self, path: bytes) -> asyncssh.SFTPAttrs:
        """Tell whether there is such a folder or file, and its size."""
        chosen = _within_home(path)
        if chosen in FOLDERS:
            return _folder_attrs()
        opened = await self._opened(chosen)
        return _file_attrs(_size(opened))

    async def lstat(self, path: bytes) -> asyncssh.SFTPAttrs:
        """Like `stat`: there are no links."""
        return await self.stat(path)

    async def scandir(self, path: bytes) -> AsyncIterator[asyncssh.SFTPName]:
        """List a folder."""
        chosen = _within_home(path)
        names = await self._desk.ask(lambda: self._files.names(self._account, chosen))
        if names is None:
            raise asyncssh.SFTPNoSuchFile("no such folder")
        for folder in FOLDERS[1:]:
            if posixpath.dirname(folder) == chosen:
                yield asyncssh.SFTPName(posixpath.basename(folder).encode(), attrs=_folder_attrs())
        for name, size in names.items():
            yield asyncssh.SFTPName(name.encode(), attrs=_file_attrs(size))

    async def open(
        self,
        path: bytes,
        pflags: int,
        attrs: asyncssh.SFTPAttrs,  # noqa: ARG002 - the library's signature
    ) -> object:
        """Open a file to read it, or an upload to write it from its beginning."""
        chosen = _within_home(path)
        if pflags & _WRITES:
            return _OpenFile(
                part=await self._taking(lambda: self._files.begin_part(self._account, chosen))
            )
        return await self._opened(chosen)

    async def _opened(self, path: str) -> _OpenFile:
        deb_file = await self._desk.ask(lambda: self._files.deb_file(self._account, path))
        if deb_file is not None:
            return _OpenFile(deb_file=PiecewiseFile(self._desk, deb_file))
        content = await self._desk.ask(lambda: self._files.content(self._account, path))
        if content is None:
            raise asyncssh.SFTPNoSuchFile("no such file")
        return _OpenFile(content=await self._told(path, content))

    async def _told(self, path: str, content: bytes) -> bytes:
        """Return a file as it is shown: an acknowledgement may be none."""
        if not path.startswith(ACK_FOLDER):
            return content
        number = await self._desk.ask(lambda: self._files.garbled_ack(self._account, path))
        if number is None:
            draw = await self._desk.ask(lambda: self._desk.portal.draw(READING))
            number = draw.number if draw.has("malformed_answer") else None
        return content if number is None else malformed_answer(number)

    async def read(self, file_obj: object, offset: int, size: int) -> bytes:
        """Return some bytes."""
        assert isinstance(file_obj, _OpenFile)  # noqa: S101 - opened here
        if file_obj.deb_file is None:
            return bytes(_content(file_obj)[offset : offset + size])
        try:
            return await file_obj.deb_file.read(offset, size)
        except FileChangedError as error:
            raise asyncssh.SFTPFailure("the file has changed") from error

    def write(self, file_obj: object, offset: int, data: bytes) -> MaybeAwait[int]:
        """Put some bytes into an upload."""
        assert isinstance(file_obj, _OpenFile)  # noqa: S101 - opened here
        if file_obj.part is None:
            raise asyncssh.SFTPPermissionDenied("the file was opened to be read")
        try:
            self._files.write(file_obj.part, offset, data)
        except NotTakenError as error:
            raise asyncssh.SFTPFailure("the file is too large") from error
        return len(data)

    def close(self, file_obj: object) -> MaybeAwait[None]:
        """An upload needs no closing: only its rename counts."""

    def fsync(self, file_obj: object) -> MaybeAwait[None]:
        """Nothing to do: an upload lies in memory, an order is written through when it is taken."""

    def fstat(self, file_obj: object) -> MaybeAwait[asyncssh.SFTPAttrs]:
        """Tell an open file's size."""
        assert isinstance(file_obj, _OpenFile)  # noqa: S101 - opened here
        return _file_attrs(_size(file_obj))

    def fsetstat(self, file_obj: object, attrs: asyncssh.SFTPAttrs) -> MaybeAwait[None]:
        """Files have no properties that could be changed; clients that try go on."""

    async def remove(self, path: bytes) -> None:
        """Remove an unfinished upload."""
        chosen = _within_home(path)
        if not await self._desk.ask(lambda: self._files.remove_part(self._account, chosen)):
            raise asyncssh.SFTPNoSuchFile("no unfinished upload has this name")

    async def posix_rename(self, oldpath: bytes, newpath: bytes) -> None:
        """Take an order over, or misbehave at this very moment as the portal was told to."""
        old, new = _within_home(oldpath), _within_home(newpath)
        portal = self._desk.portal
        await self._taking(lambda: self._files.require_droppable(self._account, old, new))
        switches = await self._desk.ask(portal.misbehaviour)
        if switches.slow_seconds:
            await asyncio.sleep(switches.slow_seconds)
        draw = await self._desk.ask(lambda: portal.draw(RENAME))
        await self._before_taking(draw)
        await self._taking(lambda: self._files.drop(self._account, old, new))
        if draw.has("malformed_answer"):
            await self._desk.ask(lambda: self._files.garble_ack(self._account, new, draw.number))
        if draw.has("lost_answer"):
            self._cut_off()
        if draw.has("already_have_it"):
            raise asyncssh.SFTPFileAlreadyExists("this order is here already")

    async def _before_taking(self, draw: Draw) -> None:
        if draw.has("unavailable"):
            raise asyncssh.SFTPFailure("the portal is being maintained")
        if draw.has("hang"):
            await until_gone(self.connection)
        if draw.has("hang") or draw.has("drop_request"):
            self._cut_off()
        if draw.has("slow"):
            await asyncio.sleep(SLOW_SECONDS)

    async def rename(self, oldpath: bytes, newpath: bytes) -> None:
        """Like `posix_rename`: a package that is there already is recognised by its hash."""
        await self.posix_rename(oldpath, newpath)

    async def _taking(self, question: Callable[[], T]) -> T:
        try:
            return await self._desk.ask(question)
        except NotTakenError as error:
            raise asyncssh.SFTPPermissionDenied(f"not an order file: {error}") from error

    def _cut_off(self) -> None:
        """Break the connection as a failing network would."""
        self.connection.abort()
        raise asyncssh.SFTPFailure("cut off")


async def until_gone(connection: asyncssh.SSHServerConnection) -> None:
    """Wait until the caller has given up."""
    for _ in range(HANG_LOOKS):
        if connection.is_closed():
            return
        await asyncio.sleep(HANG_LOOK_SECONDS)


def _within_home(path: bytes) -> str:
    return posixpath.normpath("/" + path.decode("utf-8", "surrogateescape").lstrip("/"))


def _size(opened: _OpenFile) -> int:
    return len(_content(opened)) if opened.deb_file is None else opened.deb_file.file.size


def _content(file_obj: _OpenFile) -> bytes | bytearray:
    return file_obj.content if file_obj.part is None else file_obj.part.content


def _folder_attrs() -> asyncssh.SFTPAttrs:
    return asyncssh.SFTPAttrs(permissions=stat.S_IFDIR | 0o750)


def _file_attrs(size: int) -> asyncssh.SFTPAttrs:
    return asyncssh.SFTPAttrs(size=size, permissions=stat.S_IFREG | 0o640)
