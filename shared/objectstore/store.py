"""Content-addressed, encrypted object store over `obstore` (a folder, S3, or memory)."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from urllib.parse import urlparse
from uuid import UUID

import obstore
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from obstore.exceptions import BaseError
from obstore.store import LocalStore, MemoryStore, from_url
from obstore.store import ObjectStore as Backend

from shared.contracts.envelope import ContentRef
from shared.kernel.errors import PermanentError, TransientError

_NONCE_BYTES = 12


class ContentHashError(PermanentError):
    """The stored bytes are not the bytes that were announced."""


class ObjectStore:
    """Stores bytes under their hash, encrypted at rest (AES-256-GCM), one prefix per practice.

    Writing the same bytes again is harmless; nothing is ever overwritten with other content.
    """

    def __init__(self, backend: Backend, *, key: bytes) -> None:
        self._backend = backend
        self._cipher = AESGCM(key)

    async def put(
        self, *, practice_id: UUID, kind: str, data: bytes, media_type: str
    ) -> ContentRef:
        """Store `data` and return the reference that an event may carry.

        Args:
            practice_id: whose content it is; part of the key and of the encryption's binding.
            kind: short kebab-case room name ("invoice-document", "order-package", "deb-file").
            data: the bytes; at most what the caller's own limits allow.
            media_type: IANA media type.

        Raises:
            TransientError: the store did not answer.
        """
        digest = hashlib.sha256(data).hexdigest()
        key = f"{practice_id}/{kind}/{digest}"
        nonce = os.urandom(_NONCE_BYTES)
        sealed = nonce + self._cipher.encrypt(nonce, data, key.encode())
        try:
            await obstore.put_async(self._backend, key, sealed)
        except (BaseError, OSError) as error:
            raise TransientError(f"the object store did not take {kind}: {error}") from error
        return ContentRef(key=key, sha256=digest, size_bytes=len(data), media_type=media_type)

    async def get(self, ref: ContentRef, *, practice_id: UUID) -> bytes:
        """Return the bytes behind `ref`.

        Args:
            ref: what the event carried.
            practice_id: the practice on whose behalf it is read; must own the key.

        Raises:
            PermanentError: the key belongs to another practice, or is none.
            ContentHashError: the bytes are not those that were announced.
            TransientError: the store did not answer, or does not have them yet.
        """
        if not ref.key.startswith(f"{practice_id}/"):
            raise PermanentError("the content belongs to another practice")
        try:
            response = await obstore.get_async(self._backend, ref.key)
            sealed = bytes(await response.bytes_async())
        except ValueError as error:
            raise PermanentError(f"{ref.key} is not a key") from error
        except (BaseError, OSError, FileNotFoundError) as error:
            raise TransientError(f"the object store did not give {ref.key}: {error}") from error
        return self._open(sealed, ref)

    def _open(self, sealed: bytes, ref: ContentRef) -> bytes:
        nonce, body = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        try:
            data = self._cipher.decrypt(nonce, body, ref.key.encode())
        except (InvalidTag, ValueError) as error:  # ValueError: cut inside the nonce
            raise ContentHashError(f"{ref.key} was altered or has another key") from error
        if hashlib.sha256(data).hexdigest() != ref.sha256:
            raise ContentHashError(f"{ref.key} does not hold the announced bytes")
        return data


def open_object_store(url: str, *, key: bytes) -> ObjectStore:
    """Open the store at `url`: "file:///folder", "s3://bucket/prefix", or "memory:"."""
    scheme = urlparse(url).scheme
    if scheme == "memory":
        return ObjectStore(MemoryStore(), key=key)
    if scheme == "file":
        folder = Path(urlparse(url).path)
        folder.mkdir(parents=True, exist_ok=True)
        return ObjectStore(LocalStore(prefix=folder), key=key)
    return ObjectStore(from_url(url), key=key)
