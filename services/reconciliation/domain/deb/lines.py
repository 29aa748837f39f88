"""Cuts a stream of bytes into lines with flat memory, whatever a hostile file contains."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

LINE_BYTES_MAX = 4096
"""Longer lines are cut: what follows is read over up to the next line end."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a file.

    Attributes:
        number: from 1.
        data: its bytes without the line end, at most LINE_BYTES_MAX of them.
        whole: whether it ended with CR LF and was not cut.
    """

    number: int
    data: bytes
    whole: bool


def lines(chunks: Iterable[bytes]) -> Iterator[Line]:
    """Yield the lines of a file that arrives in chunks of any size; never more than one is held."""
    number, held, cut = 0, b"", False
    for chunk in chunks:
        *ended, rest = chunk.split(b"\n")
        for piece in ended:
            number += 1
            yield _line(number, held + piece, cut=cut, ended=True)
            held, cut = b"", False
        held += rest
        if len(held) > LINE_BYTES_MAX:
            held, cut = held[:LINE_BYTES_MAX], True
    if held or cut:
        yield _line(number + 1, held, cut=cut, ended=False)


def _line(number: int, data: bytes, *, cut: bool, ended: bool) -> Line:
    cut = cut or len(data) > LINE_BYTES_MAX + 1
    crlf = ended and data.endswith(b"\r")
    body = data[:-1] if crlf else data
    return Line(number, body[:LINE_BYTES_MAX], whole=crlf and not cut)


def in_chunks(data: bytes, size: int = 65_536) -> Iterator[bytes]:
    """Yield bytes in chunks."""
    for start in range(0, len(data), size):
        yield data[start : start + size]
