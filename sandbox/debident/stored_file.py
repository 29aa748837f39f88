"""A DEB file in the portal's state, read in pieces."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.debident.store import Store

PIECE_BYTES = 1_048_576


class FileChangedError(Exception):
    """The file was mended since its download began."""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A DEB file as it lies in the portal's state.

    Attributes:
        place: its row.
        size: in bytes.
    """

    store: Store
    place: int
    sha256: str
    size: int

    def piece(self, offset: int, size: int = PIECE_BYTES) -> bytes:
        """Return some bytes; fewer, or none, at its end.

        Raises:
            FileChangedError: it is another content by now.
        """
        row = self.store.row("SELECT sha256 FROM deb_file WHERE position = ?", self.place)
        if row is None or row["sha256"] != self.sha256:
            raise FileChangedError
        return self.store.piece("deb_file", "content", self.place, offset, size)
