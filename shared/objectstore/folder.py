"""Writes objects into a folder so that they outlive a loss of power.

An event names an object as soon as its transaction commits, and PostgreSQL has synced that commit.
`obstore` renames into place but syncs nothing, so after a loss of power the event could name an
object that is empty or gone. Here the bytes and the folders that lead to them are synced first.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path


def write_durably(root: Path, key: str, data: bytes) -> None:
    """Write an object under `root`, whole or not at all; safe when several write the same.

    Raises:
        OSError: the folder does not take it; nothing is left under the key that was not before.
    """
    path = root / key
    path.parent.mkdir(parents=True, exist_ok=True)
    # A name that ends in "#<digits>" is one that `obstore` takes for unfinished, and never lists.
    unfinished = path.with_name(f"{path.name}#{secrets.randbits(48)}")
    try:
        _write(unfinished, data)
        unfinished.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            unfinished.unlink()
        raise
    folder = path.parent
    sync_folder(folder)
    while folder != root:
        folder = folder.parent
        sync_folder(folder)


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
