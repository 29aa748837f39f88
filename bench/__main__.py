"""Runs the benchmarks: `python -m bench [name]`, or BENCH=name; writes results and the table."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import Final

from bench import acquitting, booking, importing, listing, preparing, report
from bench.place import Place, place
from bench.results import Result, write

BENCHMARKS: Final[dict[str, Callable[[Place], list[Result]]]] = {
    "import": importing.run,
    "prepare": preparing.run,
    "listing": listing.run,
    "acquit": acquitting.run,
    "book": booking.run,
}


def main(wanted: str) -> int:
    """Run one benchmark, or all of them; return the exit status."""
    if wanted and wanted not in BENCHMARKS:
        print(f"There is no benchmark {wanted}. There are: {', '.join(BENCHMARKS)}.")
        return 2
    signal.signal(signal.SIGTERM, _end)
    for name in [wanted] if wanted else BENCHMARKS:
        print(f"{name} ...", flush=True)
        with place() as here:
            found = BENCHMARKS[name](here)
        for one in found:
            write(one)
            print(
                f"  {one.name}: {one.seconds} s, floor {one.floor_seconds} s, ratio {one.ratio},"
                f" peak {one.rss_mib} MiB, target: {one.target} ({one.met})",
                flush=True,
            )
    report.main()
    return 0


def _end(_signal: int, _frame: FrameType | None) -> None:
    raise SystemExit(143)  # so that the server and the folders go


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else os.environ.get("BENCH", "")))
