"""What every download of a DEB file must be: not too large, and exactly what was announced."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator
from contextlib import aclosing

from services.debident_gateway.domain.answers import ListedDebFile
from services.debident_gateway.ports.portal import DebFileRejectedError

PIECE_BYTES = 262_144
"""How much of a file is in memory at once, about."""
_SECONDS_OF_PATIENCE = 10
_BYTES_PER_SECOND_MIN = 1_000_000


def seconds_for(file: ListedDebFile, *, timeout_seconds: float) -> float:
    """Return how long a download may take: ten time-outs, and a second for each megabyte."""
    return timeout_seconds * _SECONDS_OF_PATIENCE + file.size_bytes / _BYTES_PER_SECOND_MIN


def require_allowed_size(file: ListedDebFile, bytes_max: int) -> None:
    """Make sure, before a byte is asked for, that a file is not too large.

    Raises:
        DebFileRejectedError: it is.
    """
    if file.size_bytes > bytes_max:
        raise DebFileRejectedError(
            "deb-file-too-large",
            f"{file.file_id} has {file.size_bytes} bytes, {bytes_max} are allowed",
        )


async def as_announced(
    pieces: AsyncGenerator[bytes, None], file: ListedDebFile
) -> AsyncGenerator[bytes, None]:
    """Pass the pieces on, and judge at the end; what is too much is not read any further.

    Raises:
        DebFileRejectedError: other bytes came than were announced.
    """
    size, digest = 0, hashlib.sha256()
    async with aclosing(pieces):
        async for piece in pieces:
            size += len(piece)
            if size > file.size_bytes:
                raise DebFileRejectedError(
                    "deb-file-of-other-size", f"{file.file_id} has more bytes than announced"
                )
            digest.update(piece)
            yield piece
    if size != file.size_bytes:
        raise DebFileRejectedError(
            "deb-file-of-other-size", f"{file.file_id} does not have the announced size"
        )
    if digest.hexdigest() != file.sha256:
        raise DebFileRejectedError(
            "deb-file-of-other-content", f"{file.file_id} does not have the announced hash"
        )
