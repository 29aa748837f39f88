"""Cancelled invoices and waiting credit notes in PostgreSQL."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.orders.adapters.rows import content_values
from services.orders.domain.credit_note import CANCELLED, CreditNote
from shared.kernel.ids import InvoiceId, PracticeId

_CANCEL = text(
    """
    UPDATE invoice SET unfit_codes = array_append(unfit_codes, CAST(:code AS text))
    WHERE practice_id = :practice_id AND invoice_id = :invoice_id
      AND NOT CAST(:code AS text) = ANY (unfit_codes)
    """
)
_HOLDING = text(
    """
    SELECT orders.order_number FROM order_line
    JOIN orders ON orders.order_id = order_line.order_id
    WHERE order_line.practice_id = :practice_id AND order_line.invoice_id = :invoice_id
      AND order_line.live
    """
)
_ADD_CREDIT_NOTE = text(
    """
    INSERT INTO credit_note (practice_id, credit_note_id, contract_id, invoice_id,
      credit_note_number, debtor_number, amount_rappen, issued_on, document_key, document_sha256,
      document_size_bytes, document_media_type)
    VALUES (:practice_id, :credit_note_id, :contract_id, :invoice_id,
      :credit_note_number, :debtor_number, :amount_rappen, :issued_on, :document_key,
      :document_sha256, :document_size_bytes, :document_media_type)
    ON CONFLICT (practice_id, credit_note_id) DO NOTHING
    """
)


class SqlCorrectionRepository:
    """See services.orders.ports.CorrectionRepository."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def mark_cancelled(self, practice_id: PracticeId, invoice_id: InvoiceId) -> bool:
        """Take the invoice off the list of what may be ordered; False if it was off before."""
        values = {"practice_id": practice_id, "invoice_id": invoice_id, "code": CANCELLED}
        return (await self._connection.execute(_CANCEL, values)).rowcount == 1

    async def holding_order(self, practice_id: PracticeId, invoice_id: InvoiceId) -> str | None:
        """Return the number of the live order that holds the invoice, or None."""
        wanted = {"practice_id": practice_id, "invoice_id": invoice_id}
        found: str | None = await self._connection.scalar(_HOLDING, wanted)
        return found

    async def add_credit_note(self, note: CreditNote) -> bool:
        """Keep a credit note; return False if it is known already, and change nothing then."""
        values = {
            "practice_id": note.practice_id,
            "credit_note_id": note.credit_note_id,
            "contract_id": note.contract_id,
            "invoice_id": note.invoice_id,
            "credit_note_number": note.number,
            "debtor_number": note.debtor_number,
            "amount_rappen": note.amount.rappen,
            "issued_on": note.issued_on,
            **content_values(note.document, "document"),
        }
        return (await self._connection.execute(_ADD_CREDIT_NOTE, values)).rowcount == 1
