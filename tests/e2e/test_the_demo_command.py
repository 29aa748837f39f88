"""`python -m sandbox.demo` as a person runs it: once, again in the same folder, and interrupted."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.support.waiting import eventually_blocking

pytestmark = pytest.mark.timeout(480)
_RUN_SECONDS = 200
_FIELDS = [
    "broker",
    "orders_confirmed",
    "invoices_acquitted",
    "deb_rows",
    "deb_booked",
    "deb_repeats",
    "deb_parked",
    "journal_balanced",
    "procedure",
    "seconds",
]


@pytest.fixture
def data_folder(cache_dir: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(
        prefix="quittance-demo-", ignore_cleanup_errors=True
    ) as folder:
        yield Path(folder)


def test_the_demo_runs_twice_in_the_same_folder_and_leaves_no_process(
    data_folder: Path, cache_dir: Path
) -> None:
    summaries = []
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-m", "sandbox.demo"],
            env=_environment(data_folder, cache_dir, ONCE="1", BROKER="embedded"),
            capture_output=True,
            text=True,
            timeout=_RUN_SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "Traceback" not in done.stdout + done.stderr
        summaries.append(json.loads(done.stdout.splitlines()[-1]))
        assert _left_behind(data_folder) == []
    assert list(summaries[0]) == _FIELDS
    assert [summary.pop("procedure") for summary in summaries] == ["complete", "complete"]
    for summary in summaries:
        summary.pop("seconds")
    assert summaries[0] == summaries[1], "the second run begins with empty books"


@pytest.mark.parametrize(
    ("moment", "status"),
    [("PostgreSQL", 130), ("four services", 130), ("3. Wait", 130), ("logs  ", 0)],
)
def test_ctrl_c_at_any_moment_leaves_no_process(
    data_folder: Path, cache_dir: Path, moment: str, status: int
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "sandbox.demo"],
        env=_environment(data_folder, cache_dir, BROKER="embedded"),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if moment in line:
                break
        assert moment in lines[-1], "".join(lines)
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=60)
        assert process.returncode == status
        assert "Traceback" not in rest
    finally:
        process.kill()
        process.wait()
    eventually_blocking(lambda: not _left_behind(data_folder), because="every process has ended")


def _environment(data_folder: Path, cache_dir: Path, **more: str) -> dict[str, str]:
    return {
        **os.environ,
        "DATA": str(data_folder),
        "QUITTANCE_CACHE": str(cache_dir),
        "PYTHONUNBUFFERED": "1",
        **more,
    }


def _left_behind(data_folder: Path) -> list[str]:
    """Processes that work with this data folder, by their command line, folder or settings."""
    found = []
    for process in psutil.process_iter():
        try:
            told = " ".join(process.cmdline()) + " ".join(process.environ().values())
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            continue
        if str(data_folder) in told and process.pid != os.getpid():
            found.append(f"{process.pid} {process.name()}")
    return found
