"""The import's port in memory."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from services.invoicing.domain.invoice import Invoice, InvoiceState, Standing
from services.invoicing.domain.taking_over import (
    OUTSIDE_SERIALS_FROM,
    ImportConflict,
    ImportedInvoice,
    KnownInvoice,
)


class KeptInvoices(Protocol):
    """The invoices in memory that an import meets."""

    by_id: dict[UUID, Invoice]
    standings: dict[UUID, Standing]


class FakeImports:
    """Imported invoices and conflicts in memory."""

    def __init__(self, invoices: KeptInvoices) -> None:
        self._invoices = invoices
        self.by_id: dict[UUID, ImportedInvoice] = {}
        self.conflicts: dict[UUID, ImportConflict] = {}
        self._last = OUTSIDE_SERIALS_FROM - 1

    async def lock(self, practice_id: UUID) -> None:
        return None

    async def known(self, practice_id: UUID, numbers: Collection[str]) -> dict[str, KnownInvoice]:
        found: dict[str, KnownInvoice] = {}
        for invoice in self._invoices.by_id.values():
            if invoice.practice_id != practice_id:
                continue
            one = self._known(invoice)
            for number in {one.invoice_number, one.document_number} - {None}:
                if number in numbers and (number not in found or found[number].cancelled):
                    found[str(number)] = one
        return found

    async def taken_references(
        self, practice_id: UUID, references: Collection[str]
    ) -> dict[str, str]:
        return {
            one.qr_reference: one.number
            for one in self._invoices.by_id.values()
            if one.qr_reference in references and not self._is_cancelled(one.invoice_id)
        }

    async def draw_serials(self, practice_id: UUID, count: int) -> range:
        first, self._last = self._last + 1, self._last + count
        return range(first, self._last + 1)

    async def add(
        self, import_id: UUID, invoices: Sequence[ImportedInvoice], *, at: datetime
    ) -> None:
        self.by_id |= {one.invoice.invoice_id: one for one in invoices}

    async def conflict_over(
        self, invoice_id: UUID, document_sha256: str, *, cancelled: bool
    ) -> ImportConflict | None:
        over = [
            one
            for one in self.conflicts.values()
            if (one.invoice_id, one.document.sha256) == (invoice_id, document_sha256)
            and (one.decision is None or one.over_cancelled == cancelled)
        ]
        return min(over, key=lambda one: one.decision is not None, default=None)

    async def add_conflict(self, conflict: ImportConflict) -> None:
        self.conflicts[conflict.conflict_id] = conflict

    async def lock_conflict(self, practice_id: UUID, conflict_id: UUID) -> ImportConflict | None:
        found = self.conflicts.get(conflict_id)
        return found if found is not None and found.practice_id == practice_id else None

    async def decide(self, conflict: ImportConflict) -> None:
        self.conflicts[conflict.conflict_id] = conflict

    def _known(self, invoice: Invoice) -> KnownInvoice:
        imported = self.by_id.get(invoice.invoice_id)
        return KnownInvoice(
            invoice_id=invoice.invoice_id,
            invoice_number=invoice.number,
            document_number=None if imported is None else imported.document_number,
            document_sha256=invoice.document.sha256,
            content_sha256=None if imported is None else imported.content_sha256,
            cancelled=self._is_cancelled(invoice.invoice_id),
            namesakes=() if imported is None else imported.namesakes,
        )

    def _is_cancelled(self, invoice_id: UUID) -> bool:
        return self._invoices.standings[invoice_id].state is InvoiceState.CANCELLED
