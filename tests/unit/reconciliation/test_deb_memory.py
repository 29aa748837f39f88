"""Reading a DEB file takes the same memory whatever its size.

DEB_ROWS sets how many rows the large file has; `make large-deb` reads one of five million.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
ROWS = int(os.environ.get("DEB_ROWS", "100000"))
SMALL = 2000
GROWTH_KIB_MAX = 2048
"""Below what 100,000 rows of any of the layouts weigh, and far below what they weigh as objects."""


def took(layout: str, rows: int) -> tuple[int, int]:
    done = subprocess.run(  # noqa: S603 - the test's own command
        [sys.executable, "-m", "tests.support.deb_memory", layout, str(rows)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    seen, _seconds, peak = done.stdout.split()
    return int(seen), int(peak)


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("layout", ["quittance-v1", "quittance-de-fr"])
def test_a_large_file_takes_no_more_memory_than_a_small_one(layout: str) -> None:
    _, small_peak = took(layout, SMALL)
    seen, peak = took(layout, ROWS)
    assert seen == ROWS
    assert peak - small_peak < GROWTH_KIB_MAX
