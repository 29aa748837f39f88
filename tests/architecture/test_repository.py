"""Nothing in the repository depends on, or tells of, the machine that it was written on."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.architecture.sources import REPOSITORY

TEXT_BYTES_MAX = 5_000_000
LEFT_OUT = {
    ".git",
    ".venv",
    ".data",
    ".mypy_cache",
    ".ruff_cache",
    ".pytest_cache",
    ".hypothesis",
    "__pycache__",
}
_WORK = "/" + "work"  # in two parts, so that this file does not hold what it looks for
PUBLIC_INDEX = "https://pypi.org/simple"
# A home folder, a work folder or a temporary file of somebody; `~` and relative paths are fine.
MACHINE_PATH = re.compile(r"(?<![\w.$}/-])/(?:work|root|home|Users|tmp/[a-z]*jobs)(?:/|\b)")
OTHER_INDEX = re.compile(
    r"(?:--(?:extra-)?index-url|PIP_INDEX_URL|UV_INDEX_URL|^registry\s*=|<url>)[ =:]*(\S+)", re.M
)
MIRROR_WORDS = re.compile(r"artifactory|nexus[./]|devpi|pypi-mirror|/api/pypi/|/api/npm/", re.I)


def tracked_files(root: Path = REPOSITORY) -> list[Path]:
    """Return the files that git knows or would add; without git, all but caches and data."""
    git = shutil.which("git")
    if git is None or not (root / ".git").exists():
        walked = (path for path in root.rglob("*") if path.is_file())
        return sorted(path for path in walked if not LEFT_OUT & set(path.relative_to(root).parts))
    listing = subprocess.run(  # noqa: S603 - fixed programme and arguments
        [git, "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        check=True,
        capture_output=True,
        text=True,
        timeout=30,
    )
    return sorted({root / name for name in listing.stdout.split("\0") if (root / name).is_file()})


def traces_of_a_machine(text: str) -> list[str]:
    """Return what in a text names a machine's path or another package index than the public one."""
    found = [f"path {match.group()}" for match in MACHINE_PATH.finditer(text)]
    found += [f"index {m.group(1)}" for m in OTHER_INDEX.finditer(text) if _is_foreign(m.group(1))]
    return found + [f"mirror {match.group()}" for match in MIRROR_WORDS.finditer(text)]


def test_no_tracked_file_names_a_path_or_an_index_of_one_machine() -> None:
    files = [path for path in tracked_files() if path != Path(__file__)]
    assert len(files) > 50
    traces = {
        str(path.relative_to(REPOSITORY)): found
        for path in files
        if path.stat().st_size <= TEXT_BYTES_MAX
        and (found := traces_of_a_machine(path.read_text(encoding="utf-8", errors="replace")))
    }
    assert not traces, "\n".join(f"{name}: {found}" for name, found in traces.items())


@pytest.mark.parametrize(
    "text",
    [
        f"see {_WORK}/notes",
        'ROOT = "/home/somebody/quittance"',
        "cd /root && ls",
        "--index-url https://mirror.example.org/simple",
        "PIP_INDEX_URL=https://mirror.example.org/simple",
        "https://example.org/artifactory/thing",
    ],
)
def test_a_trace_of_a_machine_is_noticed(text: str) -> None:
    assert traces_of_a_machine(text)


@pytest.mark.parametrize(
    "text",
    [
        f"shared{_WORK}/x and services/home/y",
        f"--index-url {PUBLIC_INDEX}",
        f"https://example.org{_WORK}/",
        "/var/lib/quittance and /etc/quittance",
        "http://127.0.0.1:8080/health/live",
    ],
)
def test_what_says_nothing_of_a_machine_is_let_through(text: str) -> None:
    assert traces_of_a_machine(text) == []


def _is_foreign(index: str) -> bool:
    return index.strip("\"'").rstrip("/") != PUBLIC_INDEX
