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
        ended: whether it ended at all, with LF or CR LF.
        cut: whether it was longer than LINE_BYTES_MAX.
    """

    number: int
    data: bytes
    whole: bool
    ended: bool = True
    cut: bool = False


class LineCutter:
    """Takes chunks of any size and gives out lines; never holds more than one."""

    def __init__(self) -> None:
        self._number = 0
        self._held = b""
        self._cut = False

    def feed(self, chunk: bytes) -> Iterator[Line]:
        """Yield the lines that end in this chunk."""
        start = 0
        while (end := chunk.find(b"\n", start)) >= 0:
            data = chunk[start:end]
            if self._held:
                data = self._held + data
            cut, self._held, self._cut = self._cut, b"", False
            start = end + 1
            self._number += 1
            yield _line(self._number, data, cut=cut, ended=True)
        self._held += chunk[start:]
        # One more byte than a line may have: it may be the CR of a line end.
        if len(self._held) > LINE_BYTES_MAX + 1:
            self._held, self._cut = self._held[:LINE_BYTES_MAX], True

    def finish(self) -> Iterator[Line]:
        """Yield what stands behind the last line end, if anything does."""
        if self._held or self._cut:
            self._number += 1
            yield _line(self._number, self._held, cut=self._cut, ended=False)


def lines(chunks: Iterable[bytes]) -> Iterator[Line]:
    """Yield the lines of a file that arrives in chunks of any size; never more than one is held."""
    cutter = LineCutter()
    for chunk in chunks:
        yield from cutter.feed(chunk)
    yield from cutter.finish()


def _line(number: int, data: bytes, *, cut: bool, ended: bool) -> Line:
    crlf = ended and data.endswith(b"\r")
    body = data[:-1] if crlf else data
    cut = cut or len(body) > LINE_BYTES_MAX
    return Line(number, body[:LINE_BYTES_MAX], crlf and not cut, ended, cut)


def in_chunks(data: bytes, size: int = 65_536) -> Iterator[bytes]:
    """Yield bytes in chunks."""
    for start in range(0, len(data), size):
        yield data[start : start + size]
