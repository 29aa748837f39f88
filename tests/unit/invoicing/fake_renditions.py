"""Documents that were written anew, in memory."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from uuid import UUID

from services.invoicing.domain.invoice import Invoice
from services.invoicing.domain.rendition import Rendition


class FakeRenditions:
    """Renditions in the order in which they were made; `outside` are the imported invoices."""

    def __init__(self) -> None:
        self.kept: list[Rendition] = []
        self.outside: set[UUID] = set()

    async def add(self, rendition: Rendition) -> int:
        self.kept.append(rendition)
        return sum(one.invoice_id == rendition.invoice_id for one in self.kept)

    async def came_from_outside(
        self, practice_id: UUID, invoice_ids: Collection[UUID]
    ) -> frozenset[UUID]:
        return frozenset(self.outside & set(invoice_ids))

    def present(self, invoice: Invoice) -> Invoice:
        """Return the invoice with its newest document."""
        mine = [one for one in self.kept if one.invoice_id == invoice.invoice_id]
        if not mine:
            return invoice
        last = mine[-1]
        return replace(invoice, document=last.document, document_format=last.document_format)
