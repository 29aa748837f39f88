"""A data directory of its own for each test of the sandbox."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A folder outside pytest's own, which other system accounts cannot enter."""
    folder = Path(tempfile.mkdtemp(prefix="quittance-sandbox-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)
