"""Starts a Python programme that stands for a run, and looks at what it leaves behind."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psutil

REPOSITORY = Path(__file__).resolve().parents[3]


def run_script(script: str, *arguments: str) -> subprocess.Popen[str]:
    """Start `script` as a process of its own that can import the sandbox."""
    return subprocess.Popen(  # noqa: S603 - the script is the test's own text
        [sys.executable, "-c", script, *arguments],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def next_line(process: subprocess.Popen[str]) -> str:
    """Return the next line the programme prints; fail with its error output if it prints none."""
    assert process.stdout is not None
    assert process.stderr is not None
    line = process.stdout.readline().strip()
    assert line, process.stderr.read()
    return line


def finish(process: subprocess.Popen[str]) -> int:
    """Wait for the programme to end, close its pipes, return its exit code."""
    process.communicate(timeout=30)
    return process.returncode


def is_gone(pid: int) -> bool:
    """Whether no such process runs; one that only waits to be reaped counts as gone."""
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True
