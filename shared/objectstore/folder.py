"""Writes objects into a folder so that they outlive a loss of power.

An event names an object as soon as its transaction commits, and PostgreSQL has synced that commit.
`obstore` renames into place but syncs nothing, so after a loss of power the event could name an
object that is empty or gone. Here the bytes and the folders that lead to them are synced first.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Sequence
from pathlib import Path


def write_durably(root: Path, objects: Sequence[tuple[str, bytes]]) -> None:
    """Write objects under `root`, each whole or not at all; safe when several write the same.

    A folder is synced once for all of them.

    Raises:
        OSError: the folder does not take one; nothing is left under its key that was not before.
    """
    folders: dict[Path, None] = {}
    for key, data in objects:
        folder = _place(root, key, data)
        folders[folder] = None
        while folder != root:
            folder = folder.parent
            folders[folder] = None
    # The innermost first, so that a name is durable before the folder that leads to it.
    for folder in sorted(folders, key=lambda one: len(one.parts), reverse=True):
        sync_folder(folder)


class ArrivingObject:
    """An object that is written piece by piece, and has its name only once it is whole.

    Raises (all methods but `discard`):
        OSError: the folder does not take it.
    """

    def __init__(self, root: Path, key: str) -> None:
        self.path = root / key
        self._root = root
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._unfinished = _unfinished(self.path)
        descriptor = os.open(self._unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        self._file = os.fdopen(descriptor, "wb")

    def write(self, data: bytes) -> None:
        """Add bytes at the end."""
        self._file.write(data)

    def place(self) -> None:
        """Make it durable under its key."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._unfinished.replace(self.path)
        folder = self.path.parent
        sync_folder(folder)
        while folder != self._root:
            folder = folder.parent
            sync_folder(folder)

    def discard(self) -> None:
        """Leave nothing of it behind, unless it has its name."""
        with contextlib.suppress(OSError):
            self._file.close()
        with contextlib.suppress(OSError):
            self._unfinished.unlink()


def _unfinished(path: Path) -> Path:
    """Return a name that ends in "#<digits>": `obstore` takes it for unfinished, never lists it."""
    return path.with_name(f"{path.name}#{secrets.randbits(48)}")


def _place(root: Path, key: str, data: bytes) -> Path:
    path = root / key
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = _unfinished(path)
    try:
        _write(unfinished, data)
        unfinished.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            unfinished.unlink()
        raise
    return path.parent


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable.

    Raises:
        OSError: it cannot be synced.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
