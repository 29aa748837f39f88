"""Reads a generated DEB file of so many rows and prints what it took; run in a process of its own.

`python -m tests.support.deb_memory LAYOUT ROWS` prints rows, seconds and peak memory in KiB.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Iterator

from services.reconciliation.adapters.layouts import shipped_layouts
from services.reconciliation.domain.deb.reader import DebReader
from services.reconciliation.domain.deb.records import DebRow, FileFault
from tests.support.deb_builder import DebFile, Row

_BATCH = 1000
_END = b"\r\n"


def chunks(layout: str, rows: int) -> Iterator[bytes]:
    """Yield a right file of this many rows, a multiple of 1000, without ever holding it."""
    if layout == "quittance-v1":
        yield from _fixed(rows)
    else:
        yield b"Beleg;Art;Rechnung;Datum;Betrag\n"
        line = "A-{};Auszahlung;2026-{};25.03.2026;1'000.05\n"
        for start in range(0, rows, _BATCH):
            yield "".join(line.format(n, n) for n in range(start, start + _BATCH)).encode()
        total = rows * 100_005
        yield f"Total;;{rows};;{total // 100}.{total % 100:02d}\n".encode()


def _fixed(rows: int) -> Iterator[bytes]:
    file = DebFile(sums=(("payout", rows, rows * 5),), count=rows, total=rows * 5)
    header, *end = file.lines()
    yield header + _END
    line = Row("R-@", "payout", rappen=5).line()
    for start in range(0, rows, _BATCH):
        batch = range(start, start + _BATCH)
        yield b"".join(line.replace(b"R-@      ", b"R-%-7d" % n, 1) + _END for n in batch)
    yield b"".join(each + _END for each in end)


def main(layout: str, rows: int) -> None:
    """Read the file and print what it took."""
    reader, started, seen = DebReader(shipped_layouts()[layout]), time.perf_counter(), 0
    for item in reader.read(chunks(layout, rows)):
        if isinstance(item, FileFault) or (isinstance(item, DebRow) and item.problem is not None):
            raise SystemExit(f"the generated file is not right: {item}")
        seen += isinstance(item, DebRow)
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    sys.stdout.write(f"{seen} {seconds:.1f} {peak}\n")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
