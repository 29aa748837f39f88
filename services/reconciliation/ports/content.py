"""Where documents and files rest, as the handlers see it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol
from uuid import UUID

from services.reconciliation.domain.model import (
    Content,
)
from shared.kernel.errors import PermanentError, TransientError


class ContentAwayError(TransientError):
    """The store does not give the bytes now; the message is plain and names no place."""


class ContentMissingError(ContentAwayError):
    """The store answered that it does not have the bytes."""


class ContentDamagedError(PermanentError):
    """The stored bytes are not those that were announced; the message names no place."""


class ContentStore(Protocol):
    """Where documents and files rest."""

    async def read(self, content: Content, *, practice_id: UUID) -> bytes:
        """Return the bytes.

        Raises:
            ContentDamagedError: they are not those announced.
            PermanentError: they belong to another practice.
            ContentMissingError: the store does not have them.
            ContentAwayError: the store did not answer.
        """

    def stream(self, content: Content, *, practice_id: UUID) -> AsyncIterator[bytes]:
        """Yield the bytes in pieces, in flat memory; they are proved before the first one.

        They are proved again while they are given out: the error may come at the end, too.

        Raises:
            ContentDamagedError: they are not those announced.
            PermanentError: they belong to another practice.
            ContentMissingError: the store does not have them.
            ContentAwayError: the store did not answer.
        """
