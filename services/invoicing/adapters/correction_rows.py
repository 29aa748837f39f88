"""Printing, cancellation, replacement and credit notes of invoices in PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.invoicing.domain.correction import Cancellation, CreditNote
from shared.kernel.money import Money

_PRINTED = text(
    """
    UPDATE invoice SET printed_at = :at, printed_by = :by
    WHERE invoice_id = ANY (CAST(:invoice_ids AS uuid[])) AND printed_at IS NULL
    RETURNING invoice_id, practice_id
    """
)
_CANCELLED = text(
    """
    UPDATE invoice SET cancelled_at = :at, cancelled_by = :by, cancel_reason = :reason
    WHERE invoice_id = :invoice_id
    """
)
_CREDITED_WHOLE = text(
    "UPDATE invoice SET credited_whole = true WHERE invoice_id = :invoice_id AND NOT credited_whole"
)
_RELEASE = text("UPDATE invoice_treatment SET released = true WHERE invoice_id = :invoice_id")
_REPLACED = text(
    "UPDATE invoice SET replaced_by = coalesce(replaced_by, :other_id)"
    " WHERE invoice_id = :invoice_id"
)
_REPLACES = text("UPDATE invoice SET replaces = :other_id WHERE invoice_id = :invoice_id")
_SUCCESSOR = text(
    """
    SELECT s.invoice_id, s.invoice_number FROM invoice i
    JOIN invoice s ON s.practice_id = i.practice_id AND s.invoice_id = i.replaced_by
    WHERE i.invoice_id = :invoice_id
    """
)
_TREATMENTS = text(
    "SELECT treatment_id FROM invoice_treatment WHERE invoice_id = :invoice_id"
    " ORDER BY treatment_id"
)
# The row lock of the counter makes the numbers gapless: a rollback takes the increment with it.
_NEXT_SERIAL = text(
    """
    INSERT INTO credit_note_counter AS c (practice_id, year, last) VALUES (:practice_id, :year, 1)
    ON CONFLICT (practice_id, year) DO UPDATE SET last = c.last + 1
    RETURNING last
    """
)
_ADD_CREDIT_NOTE = text(
    """
    INSERT INTO credit_note (practice_id, credit_note_id, year, serial, credit_note_number,
      invoice_id, amount_rappen, reason_code, document_key, document_sha256, document_size_bytes,
      document_media_type, issued_at, issued_on, issued_by)
    VALUES (:practice_id, :credit_note_id, :year, :serial, :credit_note_number,
      :invoice_id, :amount_rappen, :reason_code, :document_key, :document_sha256,
      :document_size_bytes, :document_media_type, :issued_at, :issued_on, :issued_by)
    """
)
_CREDITED = text(
    "SELECT coalesce(sum(amount_rappen), 0)::bigint FROM credit_note WHERE invoice_id = :invoice_id"
)

_PENDING = text(
    """
    SELECT EXISTS (
      SELECT FROM credit_note n WHERE n.invoice_id = :invoice_id AND NOT EXISTS (
        SELECT FROM credit_note_settlement s
        WHERE s.practice_id = n.practice_id AND s.credit_note_id = n.credit_note_id))
    """
)
_SETTLE = text(
    """
    INSERT INTO credit_note_settlement (practice_id, credit_note_id, settled_on)
    VALUES (:practice_id, :credit_note_id, :settled_on)
    ON CONFLICT (practice_id, credit_note_id) DO NOTHING
    """
)


class SqlCorrectionRepository:
    """See services.invoicing.ports.CorrectionRepository."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def mark_printed(
        self, invoice_ids: Collection[UUID], *, at: datetime, by: str
    ) -> dict[UUID, UUID]:
        """Mark invoices as printed; return the practices of those that had not been, by invoice."""
        values = {"invoice_ids": list(invoice_ids), "at": at, "by": by}
        found = await self._connection.execute(_PRINTED, values)
        return {row.invoice_id: row.practice_id for row in found}

    async def cancel(self, cancellation: Cancellation) -> None:
        """Keep who cancelled an invoice and why, and release its treatments."""
        await self._connection.execute(
            _CANCELLED,
            {
                "invoice_id": cancellation.invoice_id,
                "at": cancellation.cancelled_at,
                "by": cancellation.cancelled_by,
                "reason": cancellation.reason_code,
            },
        )
        await self._connection.execute(_RELEASE, {"invoice_id": cancellation.invoice_id})

    async def link(self, wrong_id: UUID, corrected_id: UUID) -> None:
        """Make the two invoices name each other."""
        await self._connection.execute(
            _REPLACED, {"invoice_id": wrong_id, "other_id": corrected_id}
        )
        await self._connection.execute(
            _REPLACES, {"invoice_id": corrected_id, "other_id": wrong_id}
        )

    async def successor_of(self, invoice_id: UUID) -> tuple[UUID, str] | None:
        """Return id and number of the invoice that took this one's place, or None."""
        found = await self._connection.execute(_SUCCESSOR, {"invoice_id": invoice_id})
        row = found.one_or_none()
        return None if row is None else (row.invoice_id, row.invoice_number)

    async def credit_whole(self, invoice_id: UUID) -> None:
        """Keep that nothing is left of an invoice, and release its treatments; may be repeated."""
        await self._connection.execute(_CREDITED_WHOLE, {"invoice_id": invoice_id})
        await self._connection.execute(_RELEASE, {"invoice_id": invoice_id})

    async def treatments_of(self, invoice_id: UUID) -> Sequence[UUID]:
        """Return the treatments that an invoice billed, released or not."""
        found = await self._connection.execute(_TREATMENTS, {"invoice_id": invoice_id})
        return found.scalars().all()

    async def next_credit_note_serial(self, practice_id: UUID, year: int) -> int:
        """Draw the next serial number, locked until the transaction ends; a rollback frees it."""
        drawn = await self._connection.execute(
            _NEXT_SERIAL, {"practice_id": practice_id, "year": year}
        )
        return int(drawn.scalar_one())

    async def add_credit_note(self, note: CreditNote) -> None:
        """Keep a new credit note."""
        await self._connection.execute(
            _ADD_CREDIT_NOTE,
            {
                "practice_id": note.practice_id,
                "credit_note_id": note.credit_note_id,
                "year": note.year,
                "serial": note.serial,
                "credit_note_number": note.number,
                "invoice_id": note.invoice_id,
                "amount_rappen": note.amount.rappen,
                "reason_code": note.reason_code,
                "document_key": note.document.key,
                "document_sha256": note.document.sha256,
                "document_size_bytes": note.document.size_bytes,
                "document_media_type": note.document.media_type,
                "issued_at": note.issued_at,
                "issued_on": note.issued_on,
                "issued_by": note.issued_by,
            },
        )

    async def credited(self, invoice_id: UUID) -> Money:
        """Return the sum of the credit notes on an invoice."""
        found = await self._connection.execute(_CREDITED, {"invoice_id": invoice_id})
        return Money(found.scalar_one())

    async def has_pending_credit_note(self, invoice_id: UUID) -> bool:
        """Whether the invoice has a credit note that was not settled without the factor."""
        return bool(await self._connection.scalar(_PENDING, {"invoice_id": invoice_id}))

    async def settle_credit_note(
        self, practice_id: UUID, credit_note_id: UUID, *, on: date
    ) -> None:
        """Note that the books settled a credit note without the factor; repeated, it stays."""
        values = {
            "practice_id": practice_id,
            "credit_note_id": credit_note_id,
            "settled_on": on,
        }
        await self._connection.execute(_SETTLE, values)
