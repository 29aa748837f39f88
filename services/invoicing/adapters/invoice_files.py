"""Takes an upload apart: one XML file, or a ZIP archive of them, inflated within limits.

Nothing that an archive says of itself is believed; a bad entry is refused alone, an archive that
breaks a limit as a whole.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from services.invoicing.adapters.forum_opening import FILE_BYTES_MAX, NotOpenedError, too_large
from services.invoicing.adapters.forum_reading import read_request
from services.invoicing.domain.incoming import Fault, IncomingFile
from shared.kernel.errors import DomainError

_ZIP_BEGINNINGS = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_NAME_MAX = 200
_ENCRYPTED = 0x1
_DRIVE = re.compile("[A-Za-z]:")


@dataclass(frozen=True, slots=True)
class ArchiveLimits:
    """How much an archive may hold.

    Attributes:
        ratio: bytes out per byte in, of an entry larger than `ratio_from_bytes`.
    """

    entries: int = 1000
    file_bytes: int = FILE_BYTES_MAX
    total_bytes: int = 20 * FILE_BYTES_MAX
    ratio: int = 100
    ratio_from_bytes: int = 65_536


class ForumInvoiceFiles:
    """See services.invoicing.ports.InvoiceFiles."""

    def __init__(self, limits: ArchiveLimits | None = None, *, takes_trials: bool = False) -> None:
        self._limits = limits or ArchiveLimits()
        self._takes_trials = takes_trials

    @property
    def takes_trials(self) -> bool:
        """Whether documents that say they are trials may come in."""
        return self._takes_trials

    def check(self, data: bytes) -> None:
        """Refuse an archive that breaks a limit as a whole."""
        for _ in self._unpacked(data, name=""):
            pass

    def read(self, data: bytes, *, name: str) -> Iterator[IncomingFile]:
        """Yield the files of an upload, one after the other."""
        for one in self._unpacked(data, name=name):
            yield one if one.faults else _file(one.name, one.data)

    def _unpacked(self, data: bytes, *, name: str) -> Iterator[IncomingFile]:
        """Yield files that nobody has read yet; one that cannot be unpacked has its faults."""
        if not data.startswith(_ZIP_BEGINNINGS):
            yield IncomingFile(name, data, None)
            return
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                yield from self._entries(archive)
        except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
            raise DomainError("The archive is damaged.", code="archive-damaged") from error

    def _entries(self, archive: zipfile.ZipFile) -> Iterator[IncomingFile]:
        entries = [entry for entry in archive.infolist() if not entry.is_dir()]
        limits = self._limits
        if not 1 <= len(entries) <= limits.entries:
            raise DomainError(
                f"An archive holds 1 to {limits.entries} files, this one {len(entries)}.",
                code="archive-entries",
            )
        left = limits.total_bytes
        for entry in entries:
            name = _shown(entry.filename)
            try:
                data = self._inflated(archive, entry, left)
            except NotOpenedError as refusal:
                yield IncomingFile(name, b"", None, refusal.faults)
                continue
            left -= len(data)
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
