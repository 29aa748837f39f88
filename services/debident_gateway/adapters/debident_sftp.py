"""The portal over SFTP, as docs/portal-sftp.md says it; every call is bounded in time and size.

An order has left when, and only when, its file has been renamed to its final name: whatever goes
wrong before the rename is asked for is certainly not sent, whatever goes wrong after it is a doubt
until the folders tell.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

from services.debident_gateway.adapters import debident_wire as wire
from services.debident_gateway.adapters import sftp_names as names
from services.debident_gateway.adapters.deb_download import (
    PIECE_BYTES,
    as_announced,
    require_allowed_size,
    seconds_for,
)
from services.debident_gateway.adapters.sftp_visit import (
    SftpTroubleError,
    SftpVisit,
    SftpVisits,
    TooManyBytesError,
)
from services.debident_gateway.domain.answers import (
    Accepted,
    AlreadyHaveIt,
    DebFilePage,
    InDoubt,
    ListedDebFile,
    NotSent,
    Received,
    Refused,
    RefusedOnArrival,
    SendOutcome,
    StatusAnswer,
    UnknownToPortal,
)
from services.debident_gateway.domain.model import (
    SFTP_ADAPTER,
    PortalAccess,
    PortalAddress,
    SftpDoor,
    address_of,
)
from services.debident_gateway.ports.portal import PortalSilentError

_ACK_BYTES_MAX = 4_000_000
_SMALL_FILE_BYTES_MAX = 1000
_PAGE_FILES = 100
_CHECKSUMS_AT_ONCE = 8
_SEND_PATIENCE = 2
_OTHER_CONTENT = "portal-has-other-content"


class _WrongAccountError(Exception):
    """The sign-in leads to another account than the contract's."""


@dataclass(slots=True)
class _Progress:
    """How far a sending came."""

    rename_asked: bool = False


class SftpDebidentPortal:
    """Speaks with the portal's SFTP server, each time signed in anew as the practice itself."""

    def __init__(
        self, *, timeout_seconds: float, deb_file_bytes_max: int, connections_max: int
    ) -> None:
        self._visits = SftpVisits(timeout_seconds=timeout_seconds, connections_max=connections_max)
        self._timeout_seconds = timeout_seconds
        self._deb_file_bytes_max = deb_file_bytes_max

    def address(self, door: SftpDoor | None) -> PortalAddress:
        """Return which portal is called through a door."""
        return PortalAddress(SFTP_ADAPTER, "") if door is None else address_of(door)

    async def send_order(
        self, access: PortalAccess, order_id: UUID, package: bytes, *, sha256: str
    ) -> SendOutcome:
        """Put an order's package down; what is not certainly unsent is a doubt."""
        progress = _Progress()
        try:
            async with self._visit(access, patience=_SEND_PATIENCE) as visit:
                return await _send(visit, order_id, package, sha256, progress)
        except _WrongAccountError:
            return Refused("wrong-account")
        except SftpTroubleError as trouble:
            return InDoubt(trouble.code) if progress.rename_asked else NotSent(trouble.code)

    async def order_status(self, access: PortalAccess, order_id: UUID) -> StatusAnswer:
        """Ask what the portal knows of an order."""
        async with self._question(access) as visit:
            return await _look_for(visit, order_id)

    async def list_deb_files(self, access: PortalAccess, *, after: int) -> DebFilePage:
        """List the account's DEB files behind a publication number."""
        async with self._question(access) as visit:
            return await _list(visit, after)

    async def download_deb_file(
        self, access: PortalAccess, file: ListedDebFile
    ) -> AsyncGenerator[bytes, None]:
        """Yield the bytes of a listed file, checked against the announced size and hash."""
        require_allowed_size(file, self._deb_file_bytes_max)
        async with aclosing(as_announced(self._content(access, file), file)) as pieces:
            async for piece in pieces:
                yield piece

    async def _content(
        self, access: PortalAccess, file: ListedDebFile
    ) -> AsyncGenerator[bytes, None]:
        name = names.deb_name(file.name)
        if name is None:
            raise PortalSilentError("unreadable-answer", "the file has no name of a DEB file")
        seconds = seconds_for(file, timeout_seconds=self._timeout_seconds)
        async with self._question(access, patience=seconds / self._timeout_seconds) as visit:
            pieces = visit.pieces(name.path, piece_bytes=PIECE_BYTES)
            async with aclosing(pieces):
                async for piece in pieces:
                    yield piece

    @asynccontextmanager
    async def _question(
        self, access: PortalAccess, *, patience: float = 1
    ) -> AsyncIterator[SftpVisit]:
        try:
            async with self._visit(access, patience=patience) as visit:
                yield visit
        except _WrongAccountError as error:
            raise PortalSilentError(
                "portal-opens-another-account", "the sign-in leads to another account"
            ) from error
        except SftpTroubleError as trouble:
            raise PortalSilentError(trouble.code, f"no usable answer: {trouble.code}") from trouble

    @asynccontextmanager
    async def _visit(self, access: PortalAccess, *, patience: float) -> AsyncIterator[SftpVisit]:
        if access.sftp is None:
            raise SftpTroubleError("portal-credentials-missing")
        async with self._visits.begin(access, access.sftp, patience=patience) as visit:
            if await _account_of(visit) != access.account_number:
                raise _WrongAccountError
            yield visit


async def _account_of(visit: SftpVisit) -> str:
    try:
        data = await visit.read(names.ACCOUNT_FILE, bytes_max=_SMALL_FILE_BYTES_MAX)
        return str(json.loads(data or b"")["account_number"])
    except (TooManyBytesError, ValueError, LookupError, TypeError) as error:
        raise SftpTroubleError("unreadable-answer") from error


async def _send(
    visit: SftpVisit, order_id: UUID, package: bytes, sha256: str, progress: _Progress
) -> SendOutcome:
    known = await _look_for(visit, order_id)
    if not isinstance(known, UnknownToPortal):
        return _outcome(known, sha256, is_new=False)
    await _remove_leftovers(visit, order_id)
    part = names.new_part_path(order_id)
    if await visit.write(part, package) != len(package):
        return NotSent("upload-incomplete")
    progress.rename_asked = True
    try:
        await visit.rename(part, names.order_path(order_id, sha256))
    except SftpTroubleError as trouble:
        if not trouble.answered:
            raise
        # A server may say no to what it has done already; what lies there decides.
        found = await _look_for(visit, order_id)
        if isinstance(found, UnknownToPortal):
            return NotSent(trouble.code)
        return _outcome(found, sha256, is_new=True)
    return await _outcome_after_rename(visit, order_id, sha256)


async def _remove_leftovers(visit: SftpVisit, order_id: UUID) -> None:
    """Clear away what earlier attempts of this order left unfinished; never anything else."""
    for entry in await visit.entries(names.IN_FOLDER):
        if names.is_part_of(entry.name, order_id):
            await visit.remove(f"{names.IN_FOLDER}/{entry.name}")


async def _outcome_after_rename(visit: SftpVisit, order_id: UUID, sha256: str) -> SendOutcome:
    """The server said yes to the rename, so the bytes are there; perhaps it says more already."""
    try:
        found = await _look_for(visit, order_id)
    except SftpTroubleError:
        return Accepted(str(order_id))
    if isinstance(found, UnknownToPortal):
        return InDoubt("portal-shows-nothing-yet")
    return _outcome(found, sha256, is_new=True)


def _outcome(found: StatusAnswer, sha256: str, *, is_new: bool) -> SendOutcome:
    assert not isinstance(found, UnknownToPortal)  # noqa: S101 - asked before
    if found.sha256 != sha256:
        # Something is there under our id that is not ours: only asking can tell more.
        return InDoubt(_OTHER_CONTENT)
    if isinstance(found, RefusedOnArrival):
        return Refused(found.code)
    return Accepted(found.reference) if is_new else AlreadyHaveIt(found.reference)


async def _look_for(visit: SftpVisit, order_id: UUID) -> StatusAnswer:
    """Read the acknowledgement, or see whether the package still waits to be taken.

    The portal writes the acknowledgement before it takes the package away, so what is seen in
    neither place, in this order and once more, is not there.
    """
    answer = await _acknowledgement(visit, order_id)
    if answer is not None:
        return answer
    waiting = await _waiting(visit, order_id)
    if waiting is not None:
        return Received(str(order_id), waiting)
    answer = await _acknowledgement(visit, order_id)
    if answer is not None:
        return answer
    await visit.require_folder(names.ACK_FOLDER)
    return UnknownToPortal()


async def _acknowledgement(visit: SftpVisit, order_id: UUID) -> StatusAnswer | None:
    try:
        data = await visit.read(names.ack_path(order_id), bytes_max=_ACK_BYTES_MAX)
        if data is None:
            return None
        body = wire.StatusBody.model_validate_json(data)
    except TooManyBytesError as error:
        raise SftpTroubleError("answer-too-large") from error
    except ValueError as error:
        raise SftpTroubleError("unreadable-answer") from error
    answer = body.to_answer()
    if answer is None or body.order_id != order_id:
        raise SftpTroubleError("unreadable-answer")
    return answer


async def _waiting(visit: SftpVisit, order_id: UUID) -> str | None:
    """Return the hash of the order's package where one waits to be taken."""
    found = {
        digest
        for entry in await visit.entries(names.IN_FOLDER)
        if (digest := names.dropped_sha256(entry.name, order_id)) is not None
    }
    if len(found) > 1:
        raise SftpTroubleError(_OTHER_CONTENT)
    return next(iter(found), None)


async def _list(visit: SftpVisit, after: int) -> DebFilePage:
    entries = await visit.entries(names.DEB_FOLDER)
    present = {entry.name for entry in entries}
    published = sorted(
        (
            (name, entry.size_bytes)
            for entry in entries
            if (name := names.deb_name(entry.name)) is not None
            and name.position > after
            and entry.name + names.CHECKSUM in present
        ),
        key=lambda one: (one[0].position, one[0].name),
    )
    # A page never ends between two files of one number: the next one begins behind the number.
    last = published[_PAGE_FILES - 1][0].position if len(published) > _PAGE_FILES else None
    page = [one for one in published if last is None or one[0].position <= last]
    at_once = asyncio.Semaphore(_CHECKSUMS_AT_ONCE)

    async def listed(name: names.DebName, size_bytes: int) -> ListedDebFile:
        async with at_once:
            digest = await _checksum(visit, name)
        return ListedDebFile(name.position, name.file_id, name.name, digest, size_bytes)

    files = await asyncio.gather(*(listed(name, size) for name, size in page))
    return DebFilePage(tuple(files), more=len(page) < len(published))


async def _checksum(visit: SftpVisit, name: names.DebName) -> str:
    try:
        data = await visit.read(name.checksum_path, bytes_max=_SMALL_FILE_BYTES_MAX)
    except TooManyBytesError as error:
        raise SftpTroubleError("unreadable-answer") from error
    digest = None if data is None else names.checksum_in(data)
    if digest is None:
        raise SftpTroubleError("unreadable-answer")
    return digest
