"""What the handlers need of stored documents and packages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from services.orders.domain.model import (
    Arrival,
    ConfirmedLine,
    OrderLine,
    StoredContent,
)
from shared.kernel.ids import OrderId, PracticeId


@dataclass(frozen=True, slots=True)
class KeptPackage:
    """A stored package, and the last day on which the archive must still have it."""

    data: bytes
    kept_until: date


class DocumentArchive(Protocol):
    """The stored documents of a practice.

    Every method raises TransientError when the archive does not answer, and PermanentError when
    what it holds is not what was announced.
    """

    async def issued_document(self, practice_id: PracticeId, content: StoredContent) -> bytes:
        """Return the bytes of an invoice or a credit note, checked against their hash.

        Raises:
            PermanentError: they are damaged or missing.
            TransientError: the archive did not answer.
        """

    async def store_package(self, practice_id: PracticeId, package: memoryview) -> StoredContent:
        """Store a package under its hash, without a copy of the whole in memory."""

    async def package(self, practice_id: PracticeId, content: StoredContent) -> KeptPackage:
        """Return a stored package, checked against its hash, and until when it must stay."""

    async def store_lines(
        self, practice_id: PracticeId, order_id: OrderId, lines: Sequence[OrderLine]
    ) -> StoredContent:
        """Store the document that lists the lines of an order."""

    async def store_confirmation(
        self, practice_id: PracticeId, order_id: OrderId, lines: Sequence[ConfirmedLine]
    ) -> StoredContent:
        """Store the document that says of each line whether it was accepted."""

    async def arrival(self, practice_id: PracticeId, content: StoredContent) -> Arrival:
        """Return the portal's answer that the gateway stored.

        Raises:
            ContractError: the bytes are not such an answer.
        """
