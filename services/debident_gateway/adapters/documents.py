"""The gateway's documents in the object store."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from uuid import UUID

from services.debident_gateway.domain.answers import AnsweredLine, ListedDebFile
from services.debident_gateway.domain.model import StoredContent
from services.debident_gateway.ports.portal import BroughtBytes
from services.debident_gateway.translate import (
    arrival_document,
    content_from,
    content_ref,
    invoice_numbers_from,
)
from shared.kernel.errors import ContractError, PermanentError
from shared.objectstore import Announced, ObjectStore

_DEB_FILE = "deb-file"
_BYTES = "application/octet-stream"


class ObjectStoreDocuments:
    """Reads what orders stored, stores what the portal gave."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    async def package(self, content: StoredContent, *, practice_id: UUID) -> bytes:
        """Return an order's package."""
        return await self._store.get(content_ref(content), practice_id=practice_id)

    async def invoice_numbers(
        self, content: StoredContent, *, practice_id: UUID
    ) -> tuple[str, ...]:
        """Return the invoice numbers of an order, in package order."""
        document = await self._store.get(content_ref(content), practice_id=practice_id)
        try:
            return invoice_numbers_from(document)
        except ContractError as error:
            raise PermanentError(f"the order's lines cannot be read: {error}") from error

    async def store_arrival(
        self, lines: Sequence[AnsweredLine], *, order_id: UUID, practice_id: UUID
    ) -> StoredContent:
        """Store the portal's answer per invoice; the same answer is stored once."""
        data = arrival_document(lines, order_id=order_id, practice_id=practice_id)
        ref = await self._store.put(
            practice_id=practice_id, kind="order-arrival", data=data, media_type="application/json"
        )
        return content_from(ref)

    async def store_deb_file(self, file: BroughtBytes, *, practice_id: UUID) -> StoredContent:
        """Store a DEB file that a person brought; the same bytes are stored once."""
        announced = Announced(_DEB_FILE, file.sha256, file.size_bytes, _BYTES)
        ref = await self._store.put_stream(
            file.pieces(), practice_id=practice_id, announced=announced
        )
        return content_from(ref)

    async def receive_deb_file(
        self, pieces: AsyncIterator[bytes], file: ListedDebFile, *, practice_id: UUID
    ) -> StoredContent:
        """Store a listed DEB file that comes in pieces; nothing is stored if they break off."""
        announced = Announced(_DEB_FILE, file.sha256, file.size_bytes, _BYTES)
        ref = await self._store.put_stream(pieces, practice_id=practice_id, announced=announced)
        return content_from(ref)
