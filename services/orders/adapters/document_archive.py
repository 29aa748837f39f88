"""The document archive on the object store: claim checks in, checked bytes out."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Sequence

from services.orders.domain.model import Arrival, ConfirmedLine, OrderLine, StoredContent
from services.orders.ports.archive import KeptPackage
from services.orders.translate import (
    arrival_of,
    confirmation_document,
    content_ref,
    lines_document,
    stored_content,
)
from shared.kernel.errors import PermanentError, TransientError
from shared.kernel.ids import OrderId, PracticeId
from shared.objectstore import Announced, ObjectStore
from shared.objectstore.store import PIECE_BYTES

_JSON = "application/json"
_ZIP = "application/zip"


class ObjectStoreDocumentArchive:
    """The stored documents of a practice, under their hashes and encrypted at rest."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    async def issued_document(self, practice_id: PracticeId, content: StoredContent) -> bytes:
        """Return the bytes of an invoice or a credit note, checked against their hash.

        Raises:
            PermanentError: they are damaged, or missing: they were stored before the invoice or
                credit note was told of, so they are not on their way.
            TransientError: the store did not answer.
        """
        try:
            return await self._read(practice_id, content)
        except TransientError as error:
            if isinstance(error.__cause__, FileNotFoundError):
                raise PermanentError("the document is not in the archive") from error
            raise

    async def store_package(self, practice_id: PracticeId, package: memoryview) -> StoredContent:
        """Store a package under its hash; it goes to the store in pieces and is nowhere copied."""
        sha256 = await asyncio.to_thread(_sha256, package)
        announced = Announced("order-package", sha256, package.nbytes, _ZIP)
        ref = await self._store.put_stream(
            _pieces(package), practice_id=practice_id, announced=announced
        )
        return stored_content(ref)

    async def package(self, practice_id: PracticeId, content: StoredContent) -> KeptPackage:
        """Return a stored package, checked against its hash, and until when it must stay."""
        kept = await self._store.get_kept(content_ref(content), practice_id=practice_id)
        return KeptPackage(kept.data, kept.until)

    async def store_lines(
        self, practice_id: PracticeId, order_id: OrderId, lines: Sequence[OrderLine]
    ) -> StoredContent:
        """Store the document that lists the lines of an order."""
        data = lines_document(practice_id, order_id, lines)
        return await self._write(practice_id, "order-lines", data, _JSON)

    async def store_confirmation(
        self, practice_id: PracticeId, order_id: OrderId, lines: Sequence[ConfirmedLine]
    ) -> StoredContent:
        """Store the document that says of each line whether it was accepted."""
        data = confirmation_document(practice_id, order_id, lines)
        return await self._write(practice_id, "order-confirmation", data, _JSON)

    async def arrival(self, practice_id: PracticeId, content: StoredContent) -> Arrival:
        """Return the portal's answer that the gateway stored.

        Raises:
            ContractError: the bytes are not such an answer.
        """
        return arrival_of(await self._read(practice_id, content))

    async def _read(self, practice_id: PracticeId, content: StoredContent) -> bytes:
        return await self._store.get(content_ref(content), practice_id=practice_id)

    async def _write(
        self, practice_id: PracticeId, kind: str, data: bytes, media_type: str
    ) -> StoredContent:
        ref = await self._store.put(
            practice_id=practice_id, kind=kind, data=data, media_type=media_type
        )
        return stored_content(ref)


def _sha256(data: memoryview) -> str:
    return hashlib.sha256(data).hexdigest()


async def _pieces(data: memoryview) -> AsyncIterator[bytes]:
    for start in range(0, data.nbytes, PIECE_BYTES):
        yield bytes(data[start : start + PIECE_BYTES])
