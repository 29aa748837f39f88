"""One run per data directory: a lock that the kernel releases whatever way the run ends."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


class DataDirInUseError(Exception):
    """Another process already uses this data directory."""


class DirLock:
    """An exclusive lock on a directory, held from `acquire` to `release` or the process's end."""

    def __init__(self, directory: Path, *, name: str = "run.lock") -> None:
        self._path = directory / name
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Take the lock, creating the directory if need be; taking it twice is harmless.

        Raises:
            DataDirInUseError: another run holds it; the message names directory and process.
        """
        if self._descriptor is not None:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip() or "unknown"
            os.close(descriptor)
            raise DataDirInUseError(
                f"{self._path.parent} is already in use by process {holder}."
                " Stop that run first, or choose another data directory."
            ) from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        self._descriptor = descriptor

    def release(self) -> None:
        """Give the lock back; without effect when it is not held."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
