"""The form of an order package without its compression: headers, order, and not a byte more.

Two libraries may deflate the same bytes otherwise, and both are right. Everything around the
deflate streams is decided by docs/order-package.md, so it can be written again and compared.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from zipfile import ZIP_DEFLATED, ZipInfo

_LOCAL = struct.Struct("<4s5H3L2H")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_END = struct.Struct("<4s4H2LH")
_VERSION = 20
_SYSTEM = 3 << 8
_ATTRIBUTES = 0o644 << 16
_FIRST_DAY = 1 << 5 | 1  # 1980-01-01
_WINDOW = -15  # a bare deflate stream


@dataclass(frozen=True, slots=True)
class Stream:
    """A file of a package as it lies there.

    Attributes:
        deflated: its deflate stream.
        crc32, size_bytes: of what the stream unpacks to.
    """

    name: str
    deflated: memoryview
    crc32: int
    size_bytes: int


def is_of_the_form(data: bytes, entries: Sequence[ZipInfo]) -> bool:
    """Whether a package differs in nothing but its deflate streams from the one that orders builds.

    Args:
        entries: of its directory, whose contents are known to be right.
    """
    streams = list(_streams(data, entries))
    whole, place = memoryview(data), 0
    for piece in written(streams):
        if whole[place : place + len(piece)] != piece:
            return False
        place += len(piece)
    return place == len(data) and all(_unpacks_alone(stream) for stream in streams)


def written(streams: Iterable[Stream]) -> Iterator[bytes | memoryview]:
    """Write a package of these streams, in pieces."""
    directory, place, count = bytearray(), 0, 0
    for stream in streams:
        name, size = stream.name.encode(), len(stream.deflated)
        sums = (stream.crc32, size, stream.size_bytes)
        said = (0, ZIP_DEFLATED, 0, _FIRST_DAY, *sums, len(name), 0)
        directory += _CENTRAL.pack(
            b"PK\x01\x02", _VERSION | _SYSTEM, _VERSION, *said, 0, 0, 0, _ATTRIBUTES, place
        )
        directory += name
        header = _LOCAL.pack(b"PK\x03\x04", _VERSION, *said) + name
        yield header
        yield stream.deflated
        place += len(header) + size
        count += 1
    yield bytes(directory)
    yield _END.pack(b"PK\x05\x06", 0, 0, count, count, len(directory), place, 0)


def _streams(data: bytes, entries: Sequence[ZipInfo]) -> Iterator[Stream]:
    whole = memoryview(data)
    for entry in entries:
        start = entry.header_offset + _LOCAL.size + len(entry.filename.encode())
        deflated = whole[start : start + entry.compress_size]
        yield Stream(entry.filename, deflated, entry.CRC, entry.file_size)


def _unpacks_alone(stream: Stream) -> bool:
    """Whether the stream ends where the next header begins: nothing hides behind it."""
    unpacking = zlib.decompressobj(_WINDOW)
    content = unpacking.decompress(stream.deflated, stream.size_bytes + 1)
    return unpacking.eof and not unpacking.unused_data and len(content) == stream.size_bytes
