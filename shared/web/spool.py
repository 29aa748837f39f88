"""An upload that rests on the disk until it is worked, so that memory does not grow with it."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from tempfile import SpooledTemporaryFile

from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext, algorithms, modes

PIECE_BYTES = 262_144
"""How much of an upload is in memory at once, about; a smaller one never meets the disk."""


class Spool:
    """Takes the pieces of an upload, and gives them back as often as they are asked for.

    The file has no name, and what is in it is encrypted under a key that nobody keeps: patients'
    data is left on no disk.

    Attributes:
        size_bytes: how much came.
        beginning: the first piece.
    """

    def __init__(self) -> None:
        self.size_bytes = 0
        self.beginning = b""
        self._file = SpooledTemporaryFile(max_size=PIECE_BYTES)  # noqa: SIM115 - see `close`
        self._hash = hashlib.sha256()
        self._cipher = Cipher(algorithms.AES(os.urandom(32)), modes.CTR(os.urandom(16)))
        self._seal: CipherContext = self._cipher.encryptor()

    @property
    def sha256(self) -> str:
        """The SHA-256 of what came, in hexadecimal digits."""
        return self._hash.hexdigest()

    def digest(self) -> hashlib._Hash:
        """Return a hash of what came, to which more can be added."""
        return self._hash.copy()

    async def write(self, piece: bytes) -> None:
        """Take the next piece."""
        self._hash.update(piece)
        if len(self.beginning) < PIECE_BYTES:
            self.beginning = (self.beginning + piece)[:PIECE_BYTES]
        self.size_bytes += len(piece)
        await asyncio.to_thread(self._file.write, self._seal.update(piece))

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield what came, from its beginning."""
        reader = self._cipher.decryptor()
        for offset in range(0, self.size_bytes, PIECE_BYTES):
            yield reader.update(await asyncio.to_thread(self._read, offset))

    def close(self) -> None:
        """Let what came go."""
        self._file.close()

    def _read(self, offset: int) -> bytes:
        self._file.seek(offset)
        return self._file.read(PIECE_BYTES)
