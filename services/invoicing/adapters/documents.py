"""Invoice documents and the line lists of orders, in the shared object store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar
from uuid import UUID

from pydantic import ValidationError

from services.invoicing.domain.invoice import StoredDocument
from services.invoicing.domain.order import ConfirmedLine, OrderedLine
from services.invoicing.translate import (
    from_confirmation_lines,
    from_content_ref,
    from_order_lines,
    to_content_ref,
)
from shared.contracts.orders.v1 import ConfirmationDocument, OrderLinesDocument
from shared.kernel.errors import ContractError
from shared.objectstore.store import ObjectStore

_Document = TypeVar("_Document", OrderLinesDocument, ConfirmationDocument)


class StoredInvoiceDocuments:
    """See services.invoicing.ports.InvoiceDocuments."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    async def put(self, practice_id: UUID, data: bytes) -> StoredDocument:
        """Store a document under its hash."""
        (stored,) = await self.put_all(practice_id, [data])
        return stored

    async def put_all(self, practice_id: UUID, items: Sequence[bytes]) -> list[StoredDocument]:
        """Store documents under their hashes."""
        refs = await self._store.put_all(
            practice_id=practice_id,
            kind="invoice-document",
            items=items,
            media_type="application/xml",
        )
        return [from_content_ref(ref) for ref in refs]

    async def get(self, practice_id: UUID, document: StoredDocument) -> bytes:
        """Return a document's bytes, checked against their hash."""
        return await self._store.get(to_content_ref(document), practice_id=practice_id)


class StoredCreditNoteDocuments:
    """See services.invoicing.ports.CreditNoteDocuments."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    async def put(self, practice_id: UUID, data: bytes) -> StoredDocument:
        """Store a document under its hash."""
        ref = await self._store.put(
            practice_id=practice_id,
            kind="credit-note-document",
            data=data,
            media_type="application/xml",
        )
        return from_content_ref(ref)

    async def get(self, practice_id: UUID, document: StoredDocument) -> bytes:
        """Return a document's bytes, checked against their hash."""
        return await self._store.get(to_content_ref(document), practice_id=practice_id)


class StoredOrderDocuments:
    """See services.invoicing.ports.OrderDocuments."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    async def lines(
        self, practice_id: UUID, order_id: UUID, document: StoredDocument
    ) -> list[OrderedLine]:
        """Return the invoices of an order."""
        found = await self._read(OrderLinesDocument, practice_id, order_id, document)
        return from_order_lines(found.lines)

    async def confirmation(
        self, practice_id: UUID, order_id: UUID, document: StoredDocument
    ) -> list[ConfirmedLine]:
        """Return what became of each invoice of an order."""
        found = await self._read(ConfirmationDocument, practice_id, order_id, document)
        return from_confirmation_lines(found.lines)

    async def _read(
        self,
        kind: type[_Document],
        practice_id: UUID,
        order_id: UUID,
        document: StoredDocument,
    ) -> _Document:
        data = await self._store.get(to_content_ref(document), practice_id=practice_id)
        try:
            found = kind.model_validate_json(data)
        except ValidationError as error:
            raise ContractError(f"{document.key} is no {kind.DOCUMENT} document") from error
        if (found.practice_id, found.order_id) != (practice_id, order_id):
            raise ContractError(f"{document.key} is about another order")
        return found
