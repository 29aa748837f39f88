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
    "orders_once_overdue",
    "lines_refused",
    "invoices_acquitted",
    "invoices_given_back",
    "files_offered_again",
    "deb_rows",
    "deb_booked",
    "deb_repeats",
    "deb_parked",
    "rows_decided",
    "payouts_agreed",
    "journal_balanced",
    "procedure",
    "seconds",
]
_OUTCOMES = {
    "orders_confirmed": 2,
    "orders_once_overdue": 1,
    "lines_refused": 1,
    "invoices_acquitted": 5,
    "invoices_given_back": 1,
    "files_offered_again": 1,
    "deb_parked": 10,
    "rows_decided": 11,
    "payouts_agreed": 1,
    "journal_balanced": True,
}
"""What the services answer of every incident that the demo shows."""
_TOLD = [
    "-0001 is overdue, it should have arrived by",
    "it is overdue no longer; its story keeps that it was",
    "the factor refuses invoice",
    "Debident offers one file twice",
    "rows recognised and not booked again",
    "rows of its second file are parked",
    "books it there: the debtor owed",
    "the factor gives it back",
    "they agree",
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
        told = " ".join(done.stdout.split())
        assert [sentence for sentence in _TOLD if sentence not in told] == []
        assert told.count("Beancount reads the exported journal without complaint and agrees") == 2
        summaries.append(json.loads(done.stdout.splitlines()[-1]))
        assert _left_behind(data_folder) == []
    assert list(summaries[0]) == _FIELDS
    assert summaries[0].items() >= _OUTCOMES.items()
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
