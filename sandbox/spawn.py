"""Starts and ends single child processes; every server of the sandbox goes through here.

A child has its own session (so the terminal's Ctrl-C reaches only us, and we end the children in
order), writes to a log file, and dies with us (`sandbox/launch.py`).
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_LAUNCHER = Path(__file__).with_name("launch.py")
_POLL_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Account:
    """A system account to run as, by its numbers."""

    uid: int
    gid: int


@dataclass(slots=True)
class Child:
    """One running child process and where it writes.

    Attributes:
        name: for messages and for the log's file name.
        process: the operating system's handle; the child leads its own process group.
        log: file that takes its standard output and error output.
    """

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def exit_status(self) -> int | None:
        """Return the exit code (negative: the signal that ended it), or None while it runs.

        The child is not reaped here, so its group id stays ours until `end` has swept the group.
        """
        if self.process.returncode is not None:
            return self.process.returncode
        seen = os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if seen is None:
            return None
        return seen.si_status if seen.si_code == os.CLD_EXITED else -seen.si_status

    def send(self, number: signal.Signals) -> None:
        """Signal the whole process group; without effect once the child was ended."""
        if self.process.returncode is None:
            os.killpg(self.process.pid, number)

    def wait(self, *, within_seconds: float, give_up: Callable[[], bool] = lambda: False) -> bool:
        """Wait for the child to exit; return whether it did in time and before `give_up` held."""
        deadline = time.monotonic() + within_seconds
        while self.exit_status() is None:
            if time.monotonic() >= deadline or give_up():
                return False
            time.sleep(_POLL_SECONDS)
        return True

    def end(
        self,
        *,
        grace_seconds: float,
        first: signal.Signals = signal.SIGTERM,
        give_up: Callable[[], bool] = lambda: False,
    ) -> int:
        """Ask the child to stop, kill what is left of its group after the grace period, reap it.

        Args:
            grace_seconds: how long it may take to stop by itself.
            first: the signal that asks.
            give_up: asked while waiting; once it holds, the grace is over.

        Returns:
            The exit code; negative if a signal ended it. Ending twice gives the same answer.
        """
        if self.process.returncode is None:
            if self.exit_status() is None:
                self.send(first)
                self.wait(within_seconds=grace_seconds, give_up=give_up)
            self.send(signal.SIGKILL)
            self.process.wait()
        return self.process.returncode

    def log_tail(self, lines: int = 25) -> str:
        """Return the last lines that the child wrote, for an error message."""
        return tail(self.log, lines)


def spawn(
    name: str,
    command: Sequence[str | Path],
    *,
    log: Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    account: Account | None = None,
    death_signal: signal.Signals = signal.SIGKILL,
) -> Child:
    """Start `command` in its own session.

    Call it from a thread that lives as long as the child should (normally the main one): Linux
    counts the end of the starting *thread* as the parent's death.

    Args:
        name: what the child is called in messages.
        command: programme and arguments.
        log: file to write to; a log of an earlier run is kept beside it with the ending ".1".
        env: the child's whole environment, or None for ours.
        cwd: directory to start in.
        account: system account to become (we must be root), or None to stay.
        death_signal: what the child gets when we die without having ended it.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists() and log.stat().st_size:
        log.replace(log.with_name(log.name + ".1"))
    whom = f"{account.uid}:{account.gid}" if account else "-"
    launcher = [
        sys.executable,
        "-I",
        "-S",
        str(_LAUNCHER),
        str(os.getpid()),
        str(int(death_signal)),
    ]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*launcher, whom, "--", *(str(part) for part in command)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=None if env is None else dict(env),
            cwd=cwd,
            start_new_session=True,
        )
    return Child(name=name, process=process, log=log)


def tail(path: Path, lines: int) -> str:
    """Return the last lines of a text file; empty when there is none."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return ""
    return "\n".join(text.splitlines()[-lines:])
