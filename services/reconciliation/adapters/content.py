"""Reads documents and DEB files from the shared object store."""

from __future__ import annotations

from uuid import UUID

from services.reconciliation.domain.model import Content
from shared.contracts.envelope import ContentRef
from shared.objectstore.store import ObjectStore


class ObjectStoreContent:
    """`ContentStore` over the object store."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    async def read(self, content: Content, *, practice_id: UUID) -> bytes:
        """Return the bytes.

        Raises:
            PermanentError: they are not those announced, or belong to another practice.
            TransientError: the store did not answer.
        """
        ref = ContentRef(
            key=content.key,
            sha256=content.sha256,
            size_bytes=content.size_bytes,
            media_type=content.media_type,
        )
        return await self._store.get(ref, practice_id=practice_id)
