"""The seal around an object, made and opened piece by piece: AES-256-GCM, judged at the end."""

from __future__ import annotations

import hashlib
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

NONCE_BYTES = 12
TAG_BYTES = 16
SEAL_BYTES = NONCE_BYTES + TAG_BYTES


class SealedReader:
    """Opens a sealed object whose body comes in pieces; holds none of them.

    Args:
        key: of the store, 32 bytes.
        nonce: the first 12 bytes of the sealed object.
        bound_to: what the seal is bound to, the object's key.
    """

    def __init__(self, key: bytes, nonce: bytes, bound_to: bytes) -> None:
        self._cipher = Cipher(algorithms.AES(key), modes.GCM(nonce)).decryptor()
        self._cipher.authenticate_additional_data(bound_to)
        self._hash = hashlib.sha256()

    def open(self, piece: bytes) -> bytes:
        """Return what a piece of the body holds; it is believed only after `holds`."""
        data = self._cipher.update(piece)
        self._hash.update(data)
        return data

    def holds(self, tag: bytes, sha256: str) -> bool:
        """Whether all pieces were those that were sealed, and have this hash; ends the reading."""
        try:
            self._cipher.finalize_with_tag(tag)
        except (InvalidTag, ValueError):  # ValueError: the tag is cut
            return False
        return self._hash.hexdigest() == sha256


class SealedWriter:
    """Seals an object whose content comes in pieces; holds none of them.

    Args:
        key: of the store, 32 bytes.
        bound_to: what the seal is bound to, the object's key.

    Attributes:
        nonce: the first 12 bytes of the sealed object.
        size_bytes: how much content came.
    """

    def __init__(self, key: bytes, bound_to: bytes) -> None:
        self.nonce = os.urandom(NONCE_BYTES)
        self.size_bytes = 0
        self._cipher = Cipher(algorithms.AES(key), modes.GCM(self.nonce)).encryptor()
        self._cipher.authenticate_additional_data(bound_to)
        self._hash = hashlib.sha256()

    def seal(self, piece: bytes) -> bytes:
        """Return the sealed form of the next piece."""
        self.size_bytes += len(piece)
        self._hash.update(piece)
        return self._cipher.update(piece)

    def end(self) -> tuple[bytes, str]:
        """Return the last 16 bytes of the sealed object, and the SHA-256 of what came."""
        self._cipher.finalize()
        return self._cipher.tag, self._hash.hexdigest()
