"""Takes an upload apart: XML files and ZIP archives of them, inflated within limits.

Nothing that an archive says of itself is believed; a bad entry is refused alone, an archive that
breaks a limit as a whole.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from services.invoicing.adapters.forum_opening import FILE_BYTES_MAX, NotOpenedError, too_large
from services.invoicing.adapters.forum_reading import read_request
from services.invoicing.domain.incoming import Fault, GivenFile, IncomingFile
from shared.kernel.errors import DomainError

_ZIP_BEGINNINGS = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_NAME_MAX = 200
_ENCRYPTED = 0x1
_DRIVE = re.compile("[A-Za-z]:")


@dataclass(frozen=True, slots=True)
class ArchiveLimits:
    """How much an upload may hold, its archives unpacked.

    Attributes:
        ratio: bytes out per byte in, of an entry larger than `ratio_from_bytes`.
    """

    entries: int = 1000
    file_bytes: int = FILE_BYTES_MAX
    total_bytes: int = 20 * FILE_BYTES_MAX
    ratio: int = 100
    ratio_from_bytes: int = 65_536


@dataclass(slots=True)
class _Left:
    """How much more may come of an upload."""

    entries: int
    bytes: int


class ForumInvoiceFiles:
    """See services.invoicing.ports.InvoiceFiles."""

    def __init__(self, limits: ArchiveLimits | None = None, *, takes_trials: bool = False) -> None:
        self._limits = limits or ArchiveLimits()
        self._takes_trials = takes_trials

    @property
    def takes_trials(self) -> bool:
        """Whether documents that say they are trials may come in."""
        return self._takes_trials

    def check(self, given: Sequence[GivenFile]) -> None:
        """Refuse an upload that breaks a limit as a whole."""
        for _ in self._unpacked(given):
            pass

    def read(self, given: Sequence[GivenFile]) -> Iterator[IncomingFile]:
        """Yield the files of an upload, one after the other.

        A file of an archive has its name there; beside other uploads that of the archive goes
        before it.
        """
        for one in self._unpacked(given):
            yield one if one.faults else _file(one.name, one.data)

    def _unpacked(self, given: Sequence[GivenFile]) -> Iterator[IncomingFile]:
        """Yield files that nobody has read yet; one that cannot be unpacked has its faults."""
        left = _Left(self._limits.entries, self._limits.total_bytes)
        for one in given:
            if one.data.startswith(_ZIP_BEGINNINGS):
                yield from self._archive(one, left, inside=f"{one.name}/" if given[1:] else "")
            else:
                self._take(1, left)
                left.bytes -= len(one.data)
                yield IncomingFile(_shown(one.name), one.data, None)

    def _archive(self, given: GivenFile, left: _Left, *, inside: str) -> Iterator[IncomingFile]:
        try:
            with zipfile.ZipFile(io.BytesIO(given.data)) as archive:
                yield from self._entries(archive, left, inside=inside)
        except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
            which = f"The archive {_shown(given.name)}" if inside else "The archive"
            raise DomainError(f"{which} is damaged.", code="archive-damaged") from error

    def _take(self, entries: int, left: _Left) -> None:
        if not 1 <= entries <= left.entries:
            raise DomainError(
                f"An archive holds at least one file, an upload at most {self._limits.entries},"
                " those in archives counted.",
                code="archive-entries",
            )
        left.entries -= entries

    def _entries(
        self, archive: zipfile.ZipFile, left: _Left, *, inside: str
    ) -> Iterator[IncomingFile]:
        entries = [entry for entry in archive.infolist() if not entry.is_dir()]
        self._take(len(entries), left)
        for entry in entries:
            name = _shown(inside + entry.filename)
            try:
                data = self._inflated(archive, entry, max(0, left.bytes))
            except NotOpenedError as refusal:
                yield IncomingFile(name, b"", None, refusal.faults)
                continue
            left.bytes -= len(data)
            yield IncomingFile(name, data, None)

    def _inflated(self, archive: zipfile.ZipFile, entry: zipfile.ZipInfo, left: int) -> bytes:
        if not _is_plain(entry.filename):
            raise _refused("path", "The path of the file in the archive leads out of it.")
        if entry.flag_bits & _ENCRYPTED:
            raise _refused("encrypted", "The file is encrypted.")
        if entry.compress_type not in _METHODS:
            raise _refused("compression", "The file is compressed in an unusual way.")
        bound = min(self._limits.file_bytes, left)
        try:
            with archive.open(entry) as stream:
                data = stream.read(bound + 1)
        except (zipfile.BadZipFile, zlib.error, EOFError) as error:
            raise _refused("damaged", "The file is damaged.") from error
        if len(data) > left:
            raise DomainError("The archive inflates to too many bytes.", code="archive-too-large")
        if len(data) > self._limits.file_bytes:
            raise too_large()
        self._check_content(entry, data)
        return data

    def _check_content(self, entry: zipfile.ZipInfo, data: bytes) -> None:
        limits = self._limits
        is_large = len(data) > limits.ratio_from_bytes
        if is_large and len(data) > limits.ratio * max(entry.compress_size, 1):
            raise _refused("compression-ratio", "The file inflates far too much.")
        if data.startswith(_ZIP_BEGINNINGS):
            raise _refused("nested-archive", "An archive within an archive is not read.")


def _file(name: str, data: bytes) -> IncomingFile:
    try:
        return IncomingFile(_shown(name), data, read_request(data))
    except NotOpenedError as refusal:
        return IncomingFile(_shown(name), data, None, refusal.faults)
    except (ArithmeticError, ValueError):
        # What the schema allows and no calendar or number holds, such as an hour after year 9999.
        fault = Fault("unreadable-value", "A date or a number in it is beyond all bounds.")
        return IncomingFile(_shown(name), data, None, (fault,))


def _refused(code: str, reason: str) -> NotOpenedError:
    return NotOpenedError(Fault(code, reason))


def _is_plain(path: str) -> bool:
    """Whether a path stays within the archive: folders, but no drive, root or way upwards."""
    if "\\" in path or _DRIVE.match(path):
        return False
    return not {"", ".", ".."} & set(path.split("/"))


def _shown(name: str) -> str:
    """The name as it is shown; it is never used as a path."""
    return "".join(one if one.isprintable() else "?" for one in name)[:_NAME_MAX] or "?"
