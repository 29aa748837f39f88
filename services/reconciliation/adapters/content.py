"""Reads documents and DEB files from the shared object store."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from uuid import UUID

from services.reconciliation.domain.model import Content
from services.reconciliation.ports.content import (
    ContentAwayError,
    ContentDamagedError,
    ContentMissingError,
)
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
        with _as_ours():
            return await self._store.get(_ref(content), practice_id=practice_id)

    async def stream(self, content: Content, *, practice_id: UUID) -> AsyncIterator[bytes]:
        """Yield the bytes in pieces, proved before the first one and once more at the end.

        Raises:
            ContentDamagedError: they are not those announced.
            PermanentError: they belong to another practice.
            ContentMissingError: the store does not have them.
            ContentAwayError: the store did not answer.
        """
        pieces = self._store.stream(_ref(content), practice_id=practice_id)
        while True:
            with _as_ours():
                piece = await anext(pieces, None)
            if piece is None:
                return
            yield piece


def _ref(content: Content) -> ContentRef:
    return ContentRef(
        key=content.key,
        sha256=content.sha256,
        size_bytes=content.size_bytes,
        media_type=content.media_type,
    )


@contextmanager
def _as_ours() -> Iterator[None]:
    try:
        yield
    except ContentHashError as error:
        raise ContentDamagedError("the stored bytes are not those announced") from error
    except TransientError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            raise ContentMissingError("the store does not have the content") from error
        raise ContentAwayError("the store did not give the content") from error
