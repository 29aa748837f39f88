"""Content-addressed, encrypted object store over `obstore` (a folder, S3, or memory).

It cannot delete. Until when an object must stay is written with it where the store has room for
that (S3: `x-amz-meta-retain-until`); in a folder it follows from the day of the file.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlparse
from uuid import UUID

import obstore
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from obstore.exceptions import BaseError
from obstore.store import LocalStore, MemoryStore, from_url
from obstore.store import ObjectStore as Backend

if TYPE_CHECKING:
    from obstore import Attributes, GetOptions

from shared.contracts.envelope import ContentRef
from shared.kernel.clock import SWISS_TIME, Clock, SystemClock
from shared.kernel.errors import PermanentError, TransientError
from shared.kernel.retention import RETENTION_YEARS, kept_until
from shared.objectstore.folder import ArrivingObject, sync_folder, write_durably
from shared.objectstore.sealed import (
    NONCE_BYTES,
    SEAL_BYTES,
    TAG_BYTES,
    SealedReader,
    SealedWriter,
)

CALL_SECONDS = 20.0
"""The longest that a call takes: well under the time after which PostgreSQL ends a transaction
that idles (60 s), since handlers read and write objects inside theirs."""
Write = Callable[[Sequence[tuple[str, bytes]]], Awaitable[object]]
"""Writes objects by key, all of them or an error."""
PIECE_BYTES = 1_048_576
"""How much of an object is in memory while it is streamed."""
UPLOADED_PER_CALL = 33_554_432
"""A large object has the time of a call for each begun 32 MiB on its way to a remote store."""
RETAIN_UNTIL = "retain-until"
"""The attribute of a stored object that tells the last day on which it must still be there."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Announced:
    """What content that comes in pieces will turn out to be.

    Attributes:
        kind: short kebab-case room name, as for `put`.
        sha256, size_bytes: of the whole.
        media_type: IANA media type.
    """

    kind: str
    sha256: str
    size_bytes: int
    media_type: str


@dataclass(frozen=True, slots=True)
class Kept:
    """Stored bytes, and the last day on which they must still be there."""

    data: bytes
    until: date


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
        folder: Path | None = None,
        call_seconds: float = CALL_SECONDS,
        retention_years: int = RETENTION_YEARS,
        clock: Clock | None = None,
    ) -> None:
        self._backend = backend
        self._key = key
        self._cipher = AESGCM(key)
        self._write = write or self._put
        self._folder = folder
        self._call_seconds = call_seconds
        self._retention_years = retention_years
        self._clock = clock or SystemClock()

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
            nonce = os.urandom(NONCE_BYTES)
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

    async def put_stream(
        self, pieces: AsyncIterator[bytes], *, practice_id: UUID, announced: Announced
    ) -> ContentRef:
        """Store content that comes in pieces; memory is that of one piece, whatever the size.

        Nothing is stored unless exactly the announced bytes came; until then what came rests
        sealed on the disk. How long it takes is up to who gives the pieces; storing the whole
        afterwards is bounded by its size. What the pieces raise is passed on as it is.

        Raises:
            ContentHashError: other bytes came than were announced.
            TransientError: the store did not take them.
        """
        key = f"{practice_id}/{announced.kind}/{announced.sha256}"
        with tempfile.TemporaryDirectory(prefix="quittance-") as scratch:
            arriving = await self._on_disk(key, ArrivingObject, self._folder or Path(scratch), key)
            try:
                await self._receive(pieces, arriving, key, announced)
                await self._on_disk(key, arriving.place)
                if self._folder is None:
                    await self._upload(key, arriving.path, announced.size_bytes)
            finally:
                await asyncio.to_thread(arriving.discard)
        return ContentRef(
            key=key,
            sha256=announced.sha256,
            size_bytes=announced.size_bytes,
            media_type=announced.media_type,
        )

    async def _receive(
        self,
        pieces: AsyncIterator[bytes],
        arriving: ArrivingObject,
        key: str,
        announced: Announced,
    ) -> None:
        writer = SealedWriter(self._key, key.encode())
        await self._on_disk(key, arriving.write, writer.nonce)
        async for piece in pieces:
            await self._on_disk(key, arriving.write, writer.seal(piece))
            if writer.size_bytes > announced.size_bytes:
                break
        tag, sha256 = writer.end()
        if (writer.size_bytes, sha256) != (announced.size_bytes, announced.sha256):
            raise ContentHashError(f"what came for {key} are not the announced bytes")
        await self._on_disk(key, arriving.write, tag)

    async def _on_disk(self, key: str, call: Callable[..., T], *args: Any) -> T:
        try:
            return await asyncio.to_thread(call, *args)
        except OSError as error:
            message = f"the object store did not take {key}: {_kind(error)}"
            raise TransientError(message) from error

    async def _upload(self, key: str, path: Path, size_bytes: int) -> None:
        seconds = self._call_seconds * (1 + size_bytes // UPLOADED_PER_CALL)
        try:
            async with asyncio.timeout(seconds):
                await obstore.put_async(self._backend, key, path, attributes=self._attributes())
        except (BaseError, OSError) as error:
            message = f"the object store did not take {key}: {_kind(error)}"
            raise TransientError(message) from error

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
        return (await self.get_kept(ref, practice_id=practice_id)).data

    async def get_kept(self, ref: ContentRef, *, practice_id: UUID) -> Kept:
        """Return the bytes behind `ref`, and until when they must stay; raises as `get` does.

        The day is the one that was written with them. Where none was, in a folder or before days
        were written, it follows from the day of their storing.
        """
        _check_owner(ref, practice_id)
        sealed, until = await self._call(ref, self._get_with_day(ref))
        return Kept(self._open(sealed, ref), until)

    async def stream(self, ref: ContentRef, *, practice_id: UUID) -> AsyncIterator[bytes]:
        """Yield the bytes behind `ref` in pieces; memory is that of one piece, whatever the size.

        The whole object is read and proved before the first piece is given out, then read again
        and proved again: the last piece may still be followed by an error. Every piece is a call
        of its own, so that who takes long between two of them loses nothing, and every piece is
        asked of the very object that the first one came from.

        Raises:
            PermanentError: the key belongs to another practice, or is none.
            ContentHashError: the bytes are not those that were announced.
            TransientError: the store did not answer, does not have them yet, or has them anew.
        """
        _check_owner(ref, practice_id)
        meta = await self._call(ref, obstore.head_async(self._backend, ref.key))
        if meta["size"] != ref.size_bytes + SEAL_BYTES:
            raise ContentHashError(f"{ref.key} does not have the announced size")
        async for _ in self._pieces(ref, meta["e_tag"]):
            pass
        async for piece in self._pieces(ref, meta["e_tag"]):
            yield piece

    async def _pieces(self, ref: ContentRef, e_tag: str | None) -> AsyncIterator[bytes]:
        end = NONCE_BYTES + ref.size_bytes
        nonce = await self._range(ref, e_tag, 0, NONCE_BYTES)
        reader = SealedReader(self._key, nonce, ref.key.encode())
        for start in range(NONCE_BYTES, end, PIECE_BYTES):
            sealed = await self._range(ref, e_tag, start, min(start + PIECE_BYTES, end))
            yield reader.open(sealed)
        if not reader.holds(await self._range(ref, e_tag, end, end + TAG_BYTES), ref.sha256):
            raise ContentHashError(f"{ref.key} does not hold the announced bytes")

    async def _range(self, ref: ContentRef, e_tag: str | None, start: int, end: int) -> bytes:
        options: GetOptions = {"range": (start, end)}
        if e_tag is not None:
            options["if_match"] = e_tag
        return await self._call(ref, self._get(ref, options))

    async def _get(self, ref: ContentRef, options: GetOptions | None = None) -> bytes:
        response = await obstore.get_async(self._backend, ref.key, options=options)
        return bytes(await response.bytes_async())

    async def _get_with_day(self, ref: ContentRef) -> tuple[bytes, date]:
        response = await obstore.get_async(self._backend, ref.key)
        written = response.attributes.get(RETAIN_UNTIL)
        stored_at: datetime = response.meta["last_modified"]
        until = (
            kept_until(stored_at.astimezone(SWISS_TIME).date(), years=self._retention_years)
            if written is None
            else date.fromisoformat(written)
        )
        return bytes(await response.bytes_async()), until

    def _attributes(self) -> Attributes:
        until = kept_until(self._clock.today(), years=self._retention_years)
        return {RETAIN_UNTIL: until.isoformat()}

    async def _call(self, ref: ContentRef, call: Awaitable[T]) -> T:
        try:
            async with asyncio.timeout(self._call_seconds):
                return await call
        except ValueError as error:
            raise PermanentError(f"{ref.key} is not a key") from error
        except (BaseError, OSError) as error:
            message = f"the object store did not give {ref.key}: {_kind(error)}"
            raise TransientError(message) from error

    async def _put(self, objects: Sequence[tuple[str, bytes]]) -> None:
        attributes = self._attributes()
        puts = (
            obstore.put_async(self._backend, key, sealed, attributes=attributes)
            for key, sealed in objects
        )
        await asyncio.gather(*puts)

    def _open(self, sealed: bytes, ref: ContentRef) -> bytes:
        nonce, body = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
        try:
            data = self._cipher.decrypt(nonce, body, ref.key.encode())
        except (InvalidTag, ValueError) as error:  # ValueError: cut inside the nonce
            raise ContentHashError(f"{ref.key} was altered or has another key") from error
        if hashlib.sha256(data).hexdigest() != ref.sha256:
            raise ContentHashError(f"{ref.key} does not hold the announced bytes")
        return data


def _check_owner(ref: ContentRef, practice_id: UUID) -> None:
    if not ref.key.startswith(f"{practice_id}/"):
        raise PermanentError("the content belongs to another practice")


def open_object_store(
    url: str, *, key: bytes, retention_years: int = RETENTION_YEARS
) -> ObjectStore:
    """Open the store at `url`: "file:///folder", "s3://bucket/prefix", or "memory:"."""
    scheme = urlparse(url).scheme
    if scheme == "file":
        return _open_folder(Path(urlparse(url).path), key=key, retention_years=retention_years)
    backend = MemoryStore() if scheme == "memory" else from_url(url, **_remote_options())
    return ObjectStore(backend, key=key, retention_years=retention_years)


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


def _open_folder(folder: Path, *, key: bytes, retention_years: int) -> ObjectStore:
    folder.mkdir(parents=True, exist_ok=True)
    sync_folder(folder.parent)

    async def write(objects: Sequence[tuple[str, bytes]]) -> None:
        await asyncio.to_thread(write_durably, folder, objects)

    return ObjectStore(
        LocalStore(prefix=folder),
        key=key,
        write=write,
        folder=folder,
        retention_years=retention_years,
    )


def _kind(error: BaseException) -> str:
    """Return the error's kind: its own words may hold paths of the machine, or whole answers."""
    return type(error).__name__
