"""Content-addressed, encrypted object store over `obstore` (a folder, S3, or memory)."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any
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
from shared.objectstore.folder import sync_folder, write_durably

CALL_SECONDS = 20.0
"""The longest that a call takes: well under the time after which PostgreSQL ends a transaction
that idles (60 s), since handlers read and write objects inside theirs."""
_NONCE_BYTES = 12
Write = Callable[[Sequence[tuple[str, bytes]]], Awaitable[object]]
"""Writes objects by key, all of them or an error."""


class ContentHashError(PermanentError):
    """The stored bytes are not the bytes that were announced."""


class ObjectStore:
    """Stores bytes under their hash, encrypted at rest (AES-256-GCM), one prefix per practice.

    Writing the same bytes again is harmless; nothing is ever overwritten with other content. Every
    call ends within `CALL_SECONDS`, and its errors tell the key and the kind of trouble only: they
    are kept with events and shown to people.
    """

    def __init__(
        self,
        backend: Backend,
        *,
        key: bytes,
        write: Write | None = None,
        call_seconds: float = CALL_SECONDS,
    ) -> None:
        self._backend = backend
        self._cipher = AESGCM(key)
        self._write = write or self._put
        self._call_seconds = call_seconds

    async def put(
        self, *, practice_id: UUID, kind: str, data: bytes, media_type: str
    ) -> ContentRef:
        """Store `data` durably and return the reference that an event may carry.

        Args:
            practice_id: whose content it is; part of the key and of the encryption's binding.
            kind: short kebab-case room name ("invoice-document", "order-package", "deb-file").
            data: the bytes; at most what the caller's own limits allow.
            media_type: IANA media type.

        Raises:
            TransientError: the store did not answer.
        """
        (ref,) = await self.put_all(
            practice_id=practice_id, kind=kind, items=[data], media_type=media_type
        )
        return ref

    async def put_all(
        self, *, practice_id: UUID, kind: str, items: Sequence[bytes], media_type: str
    ) -> list[ContentRef]:
        """Store several contents in one call, as `put` does each; some dozens at most.

        Raises:
            TransientError: the store did not answer, or did not take one of them.
        """
        refs, sealed = list[ContentRef](), list[tuple[str, bytes]]()
        for data in items:
            digest = hashlib.sha256(data).hexdigest()
            key = f"{practice_id}/{kind}/{digest}"
            nonce = os.urandom(_NONCE_BYTES)
            sealed.append((key, nonce + self._cipher.encrypt(nonce, data, key.encode())))
            refs.append(
                ContentRef(key=key, sha256=digest, size_bytes=len(data), media_type=media_type)
            )
        try:
            async with asyncio.timeout(self._call_seconds):
                await self._write(sealed)
        except (BaseError, OSError) as error:  # a TimeoutError is an OSError
            first = refs[0].key
            message = f"the object store did not take {first}: {_kind(error)}"
            raise TransientError(message) from error
        return refs

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
            async with asyncio.timeout(self._call_seconds):
                response = await obstore.get_async(self._backend, ref.key)
                sealed = bytes(await response.bytes_async())
        except ValueError as error:
            raise PermanentError(f"{ref.key} is not a key") from error
        except (BaseError, OSError) as error:
            message = f"the object store did not give {ref.key}: {_kind(error)}"
            raise TransientError(message) from error
        return self._open(sealed, ref)

    async def _put(self, objects: Sequence[tuple[str, bytes]]) -> None:
        puts = (obstore.put_async(self._backend, key, sealed) for key, sealed in objects)
        await asyncio.gather(*puts)

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
        return _open_folder(Path(urlparse(url).path), key=key)
    return ObjectStore(from_url(url, **_remote_options()), key=key)


def _remote_options() -> dict[str, Any]:
    """Return time-outs with room for a second try within a call.

    Given options replace all that `obstore` reads of its client from the environment, so the one
    that people do set, plain HTTP for a store on their own network, is carried over.
    """
    allow_http = os.environ.get("AWS_ALLOW_HTTP", "").lower() in {"1", "true"}
    return {
        "client_options": {"connect_timeout": "3s", "timeout": "8s", "allow_http": allow_http},
        "retry_config": {"max_retries": 2, "retry_timeout": timedelta(seconds=15)},
    }


def _open_folder(folder: Path, *, key: bytes) -> ObjectStore:
    folder.mkdir(parents=True, exist_ok=True)
    sync_folder(folder.parent)

    async def write(objects: Sequence[tuple[str, bytes]]) -> None:
        await asyncio.to_thread(write_durably, folder, objects)

    return ObjectStore(LocalStore(prefix=folder), key=key, write=write)


def _kind(error: BaseException) -> str:
    """Return the error's kind: its own words may hold paths of the machine, or whole answers."""
    return type(error).__name__
