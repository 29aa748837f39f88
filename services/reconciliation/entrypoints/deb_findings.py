"""What of a DEB file does not fit its layout: found piece by piece, for the command and the API."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from services.reconciliation.domain.deb.fields import Problem
from services.reconciliation.domain.deb.layout import Layout
from services.reconciliation.domain.deb.reader import DebReader, Item
from services.reconciliation.domain.deb.records import DebRow, FileFault
from shared.kernel.money import Money

_KINDS_MAX: Final = 200
_BEFORE, _AROUND = 40, 96


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that does not fit.

    Attributes:
        line, column: from 1; None where it is about the file, or the line, as a whole.
        field: of the layout; None where the whole file cannot be booked for it.
        reason: stable kebab-case code.
        found: what stands there, fit to be shown.
        excerpt: the part of the line around it, and a line that points at it; or nothing.
    """

    line: int | None
    column: int | None
    field: str | None
    reason: str
    words: str
    found: str = ""
    excerpt: tuple[str, ...] = ()


@dataclass(slots=True)
class KindFound:
    """How many rows there are of a kind, and what they come to."""

    rows: int = 0
    sum: Money = field(default_factory=Money.zero)


class Linter:
    """Reads one file and tells what does not fit; memory is that of the kinds, not of the rows.

    Attributes:
        kinds: by name; rows without a readable one are `?`.
        bad_rows: how many rows do not fit.
        fault: what keeps the whole file from being booked; the reading ends there.
    """

    def __init__(self, layout: Layout) -> None:
        self._reader = DebReader(layout)
        self.kinds: dict[str, KindFound] = {}
        self.bad_rows = 0
        self.fault: Finding | None = None

    @property
    def rows(self) -> int:
        """How many rows were read."""
        return sum(kind.rows for kind in self.kinds.values())

    @property
    def fits(self) -> bool:
        """Whether all that was read fits."""
        return self.fault is None and not self.bad_rows

    def feed(self, piece: bytes) -> Iterator[Finding]:
        """Yield what is found in the lines that this piece completes."""
        yield from self._findings(self._reader.feed(piece))

    def finish(self) -> Iterator[Finding]:
        """Yield what is found when the last piece was given."""
        yield from self._findings(self._reader.finish())

    def _findings(self, items: Iterable[Item]) -> Iterator[Finding]:
        for item in items:
            if isinstance(item, FileFault):
                self.fault = self._of_file(item)
                yield self.fault
            elif isinstance(item, DebRow):
                self._count(item)
                yield from self._of_row(item)

    def _count(self, row: DebRow) -> None:
        name = row.kind or "?"
        if name not in self.kinds and len(self.kinds) >= _KINDS_MAX:
            name = "(further kinds)"
        kind = self.kinds.setdefault(name, KindFound())
        kind.rows += 1
        kind.sum += row.amount or Money.zero()
        self.bad_rows += row.problem is not None

    def _of_row(self, row: DebRow) -> Iterator[Finding]:
        if row.problem is None:
            return
        for problem in self._reader.problems:
            yield Finding(
                line=row.line,
                column=problem.column,
                field=problem.field,
                reason=row.problem.reason,
                words=problem.wanted,
                found=shown(problem.found),
                excerpt=_excerpt(self._reader.line, problem),
            )

    def _of_file(self, fault: FileFault) -> Finding:
        excerpt: tuple[str, ...] = ()
        if fault.line is not None and fault.column is not None:
            excerpt = _excerpt(self._reader.line, Problem("record", fault.column, ""))
        words = shown(fault.detail)
        return Finding(fault.line, fault.column, None, fault.reason, words, "", excerpt)


def shown(text: str) -> str:
    """The text without what a terminal would obey."""
    return "".join(char if char.isprintable() else "�" for char in text)


def _excerpt(text: str, problem: Problem) -> tuple[str, str]:
    place = problem.column - 1
    start = place - _BEFORE if place > _BEFORE else 0
    piece = shown(text[start : start + _AROUND])
    left, right = "… " if start else "", " …" if len(text) > start + _AROUND else ""
    width = (
        len(problem.found)
        if problem.found and text[place:].lstrip(' "').startswith(problem.found)
        else 1
    )
    room = max(len(piece) - (place - start), 1)
    pointer = " " * (len(left) + place - start) + "^" * min(width, room)
    return (left + piece + right, pointer)
