"""Reads documents and DEB files from the shared object store."""

from __future__ import annotations

from uuid import UUID

from services.reconciliation.domain.model import Content
from services.reconciliation.ports import ContentAwayError, ContentDamagedError, ContentMissingError
from shared.contracts.envelope import ContentRef
from shared.kernel.errors import TransientError
from shared.objectstore.store import ContentHashError, ObjectStore


class ObjectStoreContent:
    """`ContentStore` over the object store."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    async def read(self, content: Content, *, practice_id: UUID) -> bytes:
        """Return the bytes.

        Raises:
            ContentDamagedError: they are not those announced.
            PermanentError: they belong to another practice.
            ContentMissingError: the store does not have them.
            ContentAwayError: the store did not answer.
        """
        ref = ContentRef(
            key=content.key,
            sha256=content.sha256,
            size_bytes=content.size_bytes,
            media_type=content.media_type,
        )
        try:
            return await self._store.get(ref, practice_id=practice_id)
        except ContentHashError as error:
            raise ContentDamagedError("the stored bytes are not those announced") from error
        except TransientError as error:
            if isinstance(error.__cause__, FileNotFoundError):
                raise ContentMissingError("the store does not have the content") from error
            raise ContentAwayError("the store did not give the content") from error
