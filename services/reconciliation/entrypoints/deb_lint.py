"""Explains on a terminal what of a DEB file does not fit its layout, by line, column and field."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

from services.reconciliation.domain.deb.layout import Layout
from services.reconciliation.entrypoints.deb_findings import Finding, Linter, shown

FITS, DOES_NOT_FIT, NOT_READ = 0, 1, 2
SHOWN_MAX: Final = 20
_CHUNK_BYTES: Final = 65_536


def lint(path: Path, layout: Layout, out: IO[str], *, everything: bool = False) -> int:
    """Read a file and explain it; return 0 if all of it fits, 1 if not, 2 if it cannot be read.

    Args:
        everything: explain every row; otherwise the first SHOWN_MAX problems.
    """
    linter, problems = Linter(layout), 0
    out.write(f"{path.name}: layout {layout.name}\n")
    try:
        with path.open("rb") as file:
            for finding in _read(linter, file):
                if finding is linter.fault:
                    continue
                problems += 1
                if everything or problems <= SHOWN_MAX:
                    out.write(_row_words(finding))
    except OSError as error:
        out.write(f"cannot be read: {error.strerror}\n")
        return NOT_READ
    if not everything and problems > SHOWN_MAX:
        out.write(f"\n... and {problems - SHOWN_MAX} more problems; --all shows them\n")
    if linter.fault is not None:
        out.write(_fault_words(linter.fault))
    _conclude(linter, out)
    return FITS if linter.fits else DOES_NOT_FIT


def _read(linter: Linter, file: IO[bytes]) -> Iterator[Finding]:
    while linter.fault is None and (chunk := file.read(_CHUNK_BYTES)):
        yield from linter.feed(chunk)
    yield from linter.finish()


def _row_words(finding: Finding) -> str:
    place = f"line {finding.line}, column {finding.column}"
    return (
        f"\n{place}: {finding.field} [{finding.reason}]\n"
        f"  expected {finding.words}; found {finding.found or 'nothing'}\n"
        + "".join(f"  {line}\n" for line in finding.excerpt)
    )


def _fault_words(fault: Finding) -> str:
    where = "the file as a whole" if fault.line is None else f"line {fault.line}"
    if fault.column is not None:
        where += f", column {fault.column}"
    lines = (f"{where}: the file cannot be booked [{fault.reason}]", f"  {fault.words}")
    return "\n" + "\n".join((*lines, *(f"  {line}" for line in fault.excerpt))) + "\n"


def _conclude(linter: Linter, out: IO[str]) -> None:
    out.write(f"\n{'kind':<24}{'rows':>8}{'sum CHF':>18}\n")
    for name, kind in sorted(linter.kinds.items()):
        out.write(f"{shown(name):<24}{kind.rows:>8}{kind.sum!s:>18}\n")
    rows, bad = linter.rows, linter.bad_rows
    verdict = f"{rows} rows: {rows - bad} fit, {bad} do not"
    if linter.fault is not None:
        end = linter.fault.line
        verdict += f"; read up to {'its end' if end is None else f'line {end}'}"
    out.write(f"{verdict}\n")
