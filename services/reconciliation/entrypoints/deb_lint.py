"""Explains what of a DEB file does not fit its layout, by line, column and field."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

from services.reconciliation.domain.deb.fields import Problem
from services.reconciliation.domain.deb.layout import Layout
from services.reconciliation.domain.deb.reader import DebReader
from services.reconciliation.domain.deb.records import DebRow, FileFault
from shared.kernel.money import Money

FITS, DOES_NOT_FIT, NOT_READ = 0, 1, 2
SHOWN_MAX: Final = 20
_KINDS_MAX: Final = 200
_CHUNK_BYTES: Final = 65_536
_BEFORE, _AROUND = 40, 96


@dataclass(slots=True)
class _Kind:
    rows: int = 0
    sum: Money = field(default_factory=Money.zero)


@dataclass(slots=True)
class _Found:
    """What was found so far; memory is that of the kinds, not of the rows."""

    kinds: dict[str, _Kind] = field(default_factory=dict)
    bad_rows: int = 0
    shown: int = 0

    def count(self, row: DebRow) -> None:
        """Count a row under its kind; rows without a readable one are counted together."""
        name = row.kind or "?"
        if name not in self.kinds and len(self.kinds) >= _KINDS_MAX:
            name = "(further kinds)"
        kind = self.kinds.setdefault(name, _Kind())
        kind.rows += 1
        kind.sum += row.amount or Money.zero()
        self.bad_rows += row.problem is not None


def lint(path: Path, layout: Layout, out: IO[str], *, everything: bool = False) -> int:
    """Read a file and explain it; return 0 if all of it fits, 1 if not, 2 if it cannot be read.

    Args:
        everything: explain every row; otherwise the first SHOWN_MAX problems.
    """
    reader, found = DebReader(layout), _Found()
    most = None if everything else SHOWN_MAX
    out.write(f"{path.name}: layout {layout.name}\n")
    fault: FileFault | None = None
    try:
        with path.open("rb") as file:
            for item in reader.read(_chunks(file)):
                if isinstance(item, FileFault):
                    fault = item
                elif isinstance(item, DebRow):
                    found.count(item)
                    _explain_row(item, reader, found, out, most)
    except OSError as error:
        out.write(f"cannot be read: {error.strerror}\n")
        return NOT_READ
    if most is not None and found.shown > most:
        out.write(f"\n... and {found.shown - most} more problems; --all shows them\n")
    if fault is not None:
        out.write("\n" + "\n".join(_fault_lines(fault, reader)) + "\n")
    _conclude(found, fault, out)
    return DOES_NOT_FIT if fault is not None or found.bad_rows else FITS


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    while chunk := file.read(_CHUNK_BYTES):
        yield chunk


def _explain_row(
    row: DebRow, reader: DebReader, found: _Found, out: IO[str], most: int | None
) -> None:
    for problem in reader.problems if row.problem else ():
        found.shown += 1
        if most is None or found.shown <= most:
            reason = f" [{row.problem.reason}]" if row.problem else ""
            out.write(f"\nline {row.line}, column {problem.column}: {problem.field}{reason}\n")
            said = problem.found or "nothing"
            out.write(f"  expected {problem.wanted}; found {_shown(said)}\n")
            out.write("".join(f"  {line}\n" for line in _caret(reader.line, problem)))


def _caret(text: str, problem: Problem) -> Iterable[str]:
    """Return the part of the line around the problem, and a line that points at it."""
    place = problem.column - 1
    start = place - _BEFORE if place > _BEFORE else 0
    piece = _shown(text[start : start + _AROUND])
    left, right = "… " if start else "", " …" if len(text) > start + _AROUND else ""
    width = (
        len(problem.found)
        if problem.found and text[place:].lstrip(' "').startswith(problem.found)
        else 1
    )
    room = max(len(piece) - (place - start), 1)
    pointer = " " * (len(left) + place - start) + "^" * min(width, room)
    return (left + piece + right, pointer)


def _fault_lines(fault: FileFault, reader: DebReader) -> list[str]:
    where = "the file as a whole" if fault.line is None else f"line {fault.line}"
    if fault.column is not None:
        where += f", column {fault.column}"
    lines = [f"{where}: the file cannot be booked [{fault.reason}]", f"  {_shown(fault.detail)}"]
    if fault.line is not None and fault.column is not None:
        problem = Problem("record", fault.column, "")
        lines += [f"  {line}" for line in _caret(reader.line, problem)]
    return lines


def _conclude(found: _Found, fault: FileFault | None, out: IO[str]) -> None:
    rows = sum(kind.rows for kind in found.kinds.values())
    out.write(f"\n{'kind':<24}{'rows':>8}{'sum CHF':>18}\n")
    for name, kind in sorted(found.kinds.items()):
        out.write(f"{_shown(name):<24}{kind.rows:>8}{kind.sum!s:>18}\n")
    verdict = f"{rows} rows: {rows - found.bad_rows} fit, {found.bad_rows} do not"
    if fault is not None:
        verdict += f"; read up to {'its end' if fault.line is None else f'line {fault.line}'}"
    out.write(f"{verdict}\n")


def _shown(text: str) -> str:
    """The text without what a terminal would obey."""
    return "".join(char if char.isprintable() else "�" for char in text)
