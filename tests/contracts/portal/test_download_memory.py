"""Fetching a DEB file takes the same memory whatever its size, over both adapters.

DEB_FETCH_BYTES sets how large the large file is.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
SMALL = 2_000_000
LARGE = int(os.environ.get("DEB_FETCH_BYTES", "64000000"))
GROWTH_KIB_MAX = 8192
"""An eighth of the large file; what sockets and allocators hold differs a little by run."""


def took(adapter: str, size: int, folder: Path) -> tuple[int, int]:
    folder.mkdir()
    done = subprocess.run(  # noqa: S603 - the test's own command
        [sys.executable, "-m", "tests.support.deb_fetch_memory", adapter, str(size), str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    stored, peak = done.stdout.split()
    return int(stored), int(peak)


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("adapter", ["http", "sftp"])
def test_fetching_a_large_file_takes_no_more_memory_than_a_small_one(
    adapter: str, tmp_path: Path
) -> None:
    _, small_peak = took(adapter, SMALL, tmp_path / "small")
    stored, peak = took(adapter, LARGE, tmp_path / "large")
    assert stored == LARGE
    assert peak - small_peak < GROWTH_KIB_MAX
