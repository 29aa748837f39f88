"""Runs the services of a one-machine run as child processes and ends every one of them.

The run may end in any way: normally, by an error, by Ctrl-C at any moment, by SIGTERM or SIGHUP,
or by SIGKILL of ourselves. In the first cases the children are stopped in reverse order; in the
last the kernel ends them (`sandbox/launch.py`). A lock keeps a second run out of the same data.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from sandbox.locks import DirLock
from sandbox.spawn import Child, spawn

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_ASK_SECONDS = 2
_POLL_SECONDS = 0.05


class ProcessError(Exception):
    """A child process could not be started, ended too early, or did not become ready."""


class StopRequested(SystemExit):
    """Somebody asked this run to end by SIGTERM or SIGHUP; the exit code says which."""


class ProcessRunner:
    """Named child processes of one run; use it as a context manager in the main thread.

    On leaving the block, for whatever reason, all children are stopped: SIGTERM in reverse order of
    their start, SIGKILL to what is left after the grace period. A second Ctrl-C ends the grace.

    Attributes:
        data_dir: absolute path of the run's data directory.
    """

    def __init__(self, data_dir: Path, *, grace_seconds: float = 15) -> None:
        self.data_dir = data_dir.absolute()
        self._grace_seconds = grace_seconds
        self._lock = DirLock(self.data_dir)
        self._children: dict[str, Child] = {}
        self._stops: dict[str, Callable[[], object]] = {}
        self._before: dict[signal.Signals, Any] = {}
        self._asked_times = 0
        self._held_back = 0
        self._pending: signal.Signals | None = None
        self._stopping = False

    def __enter__(self) -> Self:
        """Take the data directory and the stop signals.

        Raises:
            DataDirInUseError: another run uses this data directory.
        """
        self._lock.acquire()
        if threading.current_thread() is threading.main_thread():
            for number in _SIGNALS:
                if signal.getsignal(number) is not signal.SIG_IGN:  # nohup stays nohup
                    self._before[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop all children, give the signals and the data directory back."""
        self._stopping = True
        try:
            self.stop_all()
        finally:
            for number, handler in self._before.items():
                signal.signal(number, handler)
            self._before.clear()
            self._lock.release()

    def start(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> Child:
        """Start a child under a name of its own; its output goes to `logs/<name>.log`.

        Args:
            name: short name, also the log's file name.
            command: programme and arguments.
            env: the child's whole environment, or None for ours.
            cwd: directory to start in, or None for ours.

        Raises:
            ProcessError: a child of that name still runs.
        """
        present = self._children.get(name)
        if present is not None and present.exit_status() is None:
            raise ProcessError(f"{name} is already running")
        with self._signals_held_back():
            if present is not None:
                self.stop(name)
            child = spawn(name, command, log=self.log_path(name), env=env, cwd=cwd)
            self._children[name] = child
            self._stops[name] = lambda: self.stop(name)
        return child

    def also_stop(self, name: str, stop: Callable[[], object]) -> None:
        """Have `stop` called in its turn when the run ends (a database, a broker).

        Register it before starting the thing, so that an interrupted start is undone too.
        """
        self._stops[name] = stop

    def start_module(
        self, name: str, module: str, *arguments: str, env: Mapping[str, str] | None = None
    ) -> Child:
        """Start `python -m module` with the interpreter that runs us; otherwise like `start`."""
        return self.start(name, [sys.executable, "-m", module, *arguments], env=env)

    def wait_until_ready(self, name: str, url: str, *, within_seconds: float = 30) -> None:
        """Wait until `url` answers 200; fail at once if the child ends.

        Args:
            name: the child that serves the URL.
            url: an http URL, normally `/health/ready`.
            within_seconds: how long it may take.

        Raises:
            ProcessError: it ended, or took too long; the message has the end of its log.
        """
        child = self._child(name)
        deadline = time.monotonic() + within_seconds
        while True:
            answer = _answer_of(url)
            if answer == "200":
                return
            self.check(name)
            if time.monotonic() >= deadline:
                raise ProcessError(
                    f"{name} was not ready within {within_seconds:g} s"
                    f" (last answer of {url}: {answer}):\n{child.log_tail()}"
                )
            time.sleep(_POLL_SECONDS)

    def check(self, *names: str) -> None:
        """Do nothing while the named children (or all) run.

        Raises:
            ProcessError: one has ended; the message has the end of its log.
        """
        for name in names or tuple(self._children):
            child = self._child(name)
            status = child.exit_status()
            if status is not None:
                raise ProcessError(f"{name} has ended ({status}):\n{child.log_tail()}")

    def stop(self, name: str) -> int:
        """Stop one child and return its exit code (negative: the signal that ended it)."""
        child = self._child(name)
        status = child.end(grace_seconds=self._grace_seconds, give_up=lambda: self._asked_times > 1)
        self._forget(name)
        return status

    def kill(self, name: str) -> None:
        """End one child by SIGKILL, as a crash would (for tests of recovery)."""
        self._child(name).end(grace_seconds=0, first=signal.SIGKILL)
        self._forget(name)

    def stop_all(self) -> None:
        """Stop everything, the last started first; harmless when nothing runs.

        Raises:
            ExceptionGroup: some did not stop cleanly; the others were stopped all the same.
        """
        problems: list[Exception] = []
        with self._signals_held_back():
            for name in reversed(list(self._stops)):
                try:
                    self._stops[name]()
                except Exception as error:  # noqa: BLE001 - raised below, after all had their turn
                    problems.append(error)
                self._stops.pop(name, None)
        if problems:
            raise ExceptionGroup("some parts of the run did not stop cleanly", problems)

    def pid(self, name: str) -> int:
        """Return the process id of the child of that name.

        Raises:
            ProcessError: no child of that name was started.
        """
        return self._child(name).process.pid

    def log_path(self, name: str) -> Path:
        """Return the file that takes the output of the child of that name."""
        return self.data_dir / "logs" / f"{name}.log"

    def _forget(self, name: str) -> None:
        self._children.pop(name, None)
        self._stops.pop(name, None)

    def _child(self, name: str) -> Child:
        try:
            return self._children[name]
        except KeyError:
            raise ProcessError(f"no process called {name} was started") from None

    @contextmanager
    def _signals_held_back(self) -> Iterator[None]:
        """Deliver a stop signal only after the block, so that no child is forgotten in between."""
        self._held_back += 1
        try:
            yield
        finally:
            self._held_back -= 1
        if self._pending is not None and not self._held_back and not self._stopping:
            pending, self._pending = self._pending, None
            _raise_for(pending)

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        self._asked_times += 1
        if self._held_back or self._stopping:
            self._pending = signal.Signals(number)
        else:
            _raise_for(signal.Signals(number))


def _raise_for(number: signal.Signals) -> None:
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    raise StopRequested(128 + number)


def _answer_of(url: str) -> str:
    """Return the status code that a GET gets, or what went wrong, as text."""
    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=_ASK_SECONDS)
    try:
        connection.request("GET", parts.path or "/")
        return str(connection.getresponse().status)
    except (OSError, HTTPException) as error:
        return f"{type(error).__name__}: {error}"
    finally:
        connection.close()
