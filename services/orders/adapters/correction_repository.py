"""Cancelled invoices and waiting credit notes in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import TextClause, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from services.orders.adapters.rows import broken_constraint, content, content_values
from services.orders.domain.credit_note import (
    CANCELLED,
    CREDIT_NOTE_PENDING,
    CreditNote,
    PackedCreditNote,
    ReleasedCreditNote,
)
from services.orders.domain.errors import CreditNoteInLiveOrderError
from services.orders.domain.order import Order
from shared.kernel.ids import ContractId, InvoiceId, OrderId, PracticeId
from shared.kernel.money import Money

_LIVE_CREDIT_NOTE = "one_live_order_per_credit_note"

_CANCEL = text(
    """
    UPDATE invoice SET unfit_codes = array_append(unfit_codes, CAST(:code AS text))
    WHERE practice_id = :practice_id AND invoice_id = :invoice_id
      AND NOT CAST(:code AS text) = ANY (unfit_codes)
    """
)
_HOLDING = text(
    """
    SELECT orders.order_id, orders.order_number FROM order_line
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
_WAITING = """
    SELECT row_number() OVER (ORDER BY waiting.credit_note_number)::integer AS place, waiting.*
    FROM (
      SELECT credit_note.*,
        coalesce(invoice.document_number, invoice.invoice_number) AS invoice_number
      FROM credit_note
      JOIN invoice ON invoice.practice_id = credit_note.practice_id
        AND invoice.invoice_id = credit_note.invoice_id
      WHERE credit_note.practice_id = :practice_id AND credit_note.contract_id = :contract_id
        AND credit_note.order_id IS NULL AND credit_note.released_on IS NULL
        AND EXISTS (SELECT FROM order_line
                    WHERE order_line.invoice_id = credit_note.invoice_id AND order_line.live)
      ORDER BY credit_note.credit_note_number LIMIT :limit {held}
    ) AS waiting
    ORDER BY place
"""
_SEE_WAITING = text(_WAITING.format(held=""))
# Whoever waited for another order here finds the notes that it took along no longer waiting.
_CLAIM_WAITING = text(_WAITING.format(held="FOR UPDATE OF credit_note"))
_PACK = text(
    """
    INSERT INTO order_credit_note (practice_id, order_id, place, credit_note_id)
    SELECT :practice_id, :order_id, packed.*
    FROM unnest(CAST(:places AS integer[]), CAST(:credit_note_ids AS uuid[])) AS packed
    """
)
_HOLD = text(
    """
    UPDATE credit_note SET order_id = :order_id
    WHERE practice_id = :practice_id AND credit_note_id = ANY (CAST(:credit_note_ids AS uuid[]))
    """
)
_LEAVE = text("UPDATE order_credit_note SET live = false WHERE order_id = :order_id")
_WAIT_AGAIN = text("UPDATE credit_note SET order_id = NULL WHERE order_id = :order_id")

# The invoice is held by its own lock first, so that no statement sees half of another's work.
_HOLD_INVOICES = text(
    """
    SELECT invoice_id FROM invoice
    WHERE practice_id = :practice_id AND invoice_id IN (
      SELECT note.invoice_id FROM credit_note AS note
      WHERE note.practice_id = :practice_id AND note.order_id IS NULL AND note.released_on IS NULL
        AND (CAST(:credit_note_id AS uuid) IS NULL OR note.credit_note_id = :credit_note_id)
        AND (CAST(:order_id AS uuid) IS NULL OR EXISTS (
          SELECT FROM order_line
          WHERE order_line.order_id = :order_id AND order_line.invoice_id = note.invoice_id)))
    ORDER BY invoice_id FOR UPDATE
    """
)
_RELEASE = text(
    """
    WITH placed AS (
      SELECT DISTINCT ON (order_line.invoice_id) order_line.invoice_id, orders.order_id
      FROM order_line JOIN orders ON orders.order_id = order_line.order_id
      WHERE order_line.invoice_id = ANY (CAST(:invoice_ids AS uuid[]))
      ORDER BY order_line.invoice_id, order_line.live DESC, orders.prepared_at DESC),
    released AS (
      UPDATE credit_note AS note SET released_on = :on
      FROM placed
      WHERE note.practice_id = :practice_id AND note.invoice_id = placed.invoice_id
        AND note.order_id IS NULL AND note.released_on IS NULL
        AND NOT EXISTS (SELECT FROM order_line
                        WHERE order_line.invoice_id = note.invoice_id AND order_line.live)
      RETURNING note.*, placed.order_id AS last_order_id),
    held AS (
      UPDATE invoice SET unfit_codes = array_append(unfit_codes, CAST(:code AS text))
      WHERE practice_id = :practice_id AND invoice_id IN (SELECT invoice_id FROM released)
        AND NOT CAST(:code AS text) = ANY (unfit_codes))
    SELECT * FROM released ORDER BY credit_note_number
    """
)
_SETTLE = text(
    """
    UPDATE credit_note SET settled = true
    WHERE practice_id = :practice_id AND credit_note_id = :credit_note_id
      AND released_on IS NOT NULL AND NOT settled
    """
)
_LET_GO = text(
    """
    UPDATE invoice SET unfit_codes = array_remove(unfit_codes, CAST(:code AS text))
    WHERE practice_id = :practice_id AND invoice_id = :invoice_id
      AND NOT EXISTS (SELECT FROM credit_note AS note
                      WHERE note.practice_id = :practice_id AND note.invoice_id = :invoice_id
                        AND note.released_on IS NOT NULL AND NOT note.settled)
    """
)
_SET_ASIDE = text(
    """
    UPDATE order_line SET set_aside = :set_aside
    WHERE practice_id = :practice_id AND invoice_id = :invoice_id AND live
    """
)
# Whoever prepares an order holds the invoice; who waits for that sees the order afterwards.
_HOLD_INVOICE = text(
    """
    SELECT invoice_id FROM invoice
    WHERE practice_id = :practice_id AND invoice_id = :invoice_id
      AND (CAST(:given_back AS boolean) OR EXISTS (SELECT FROM order_line
                                  WHERE order_line.invoice_id = :invoice_id AND given_back))
    FOR UPDATE
    """
)
_GIVE_BACK = text(
    """
    UPDATE order_line SET given_back = true
    WHERE practice_id = :practice_id AND invoice_id = :invoice_id
      AND live AND outcome = 'accepted' AND NOT set_aside
      AND order_id = coalesce(CAST(:given_back_by AS uuid), order_id)
    RETURNING order_id
    """
)
_TAKE_AGAIN = text(
    """
    UPDATE order_line SET given_back = false
    WHERE practice_id = :practice_id AND invoice_id = :invoice_id AND order_id = (
      SELECT line.order_id FROM order_line AS line
      JOIN orders ON orders.order_id = line.order_id
      WHERE line.practice_id = :practice_id AND line.invoice_id = :invoice_id AND line.given_back
      ORDER BY orders.prepared_at DESC LIMIT 1)
      AND NOT EXISTS (SELECT FROM order_line AS other
                      WHERE other.invoice_id = :invoice_id AND other.live)
    RETURNING order_id
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

    async def holding_order(
        self, practice_id: PracticeId, invoice_id: InvoiceId
    ) -> tuple[OrderId, str] | None:
        """Return the number of the live order that holds the invoice, or None."""
        wanted = {"practice_id": practice_id, "invoice_id": invoice_id}
        row = (await self._connection.execute(_HOLDING, wanted)).one_or_none()
        return None if row is None else (OrderId(row.order_id), row.order_number)

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

    async def waiting_credit_notes(
        self, practice_id: PracticeId, contract_id: ContractId, *, limit: int
    ) -> list[PackedCreditNote]:
        """Return the first credit notes by number that the contract's next order takes along."""
        return await self._waiting(_SEE_WAITING, practice_id, contract_id, limit)

    async def claim_waiting_credit_notes(
        self, practice_id: PracticeId, contract_id: ContractId, *, limit: int
    ) -> list[PackedCreditNote]:
        """Return the same, held against other orders until the end of the transaction."""
        return await self._waiting(_CLAIM_WAITING, practice_id, contract_id, limit)

    async def put_into_order(self, order: Order, credit_notes: Sequence[PackedCreditNote]) -> None:
        """Let a stored order hold these credit notes.

        Raises:
            CreditNoteInLiveOrderError: another live order holds one of them.
        """
        values = {
            "practice_id": order.practice_id,
            "order_id": order.order_id,
            "places": [note.place for note in credit_notes],
            "credit_note_ids": [note.credit_note_id for note in credit_notes],
        }
        try:
            await self._connection.execute(_PACK, values)
        except IntegrityError as error:
            if broken_constraint(error) == _LIVE_CREDIT_NOTE:
                raise CreditNoteInLiveOrderError from error
            raise
        await self._connection.execute(_HOLD, values)

    async def free_credit_notes(self, order_id: OrderId) -> None:
        """Let the credit notes of an order that came to nothing wait for the next one."""
        await self._connection.execute(_LEAVE, {"order_id": order_id})
        await self._connection.execute(_WAIT_AGAIN, {"order_id": order_id})

    async def release_credit_notes(
        self,
        practice_id: PracticeId,
        *,
        on: date,
        order_id: OrderId | None,
        credit_note_id: UUID | None,
    ) -> list[ReleasedCreditNote]:
        """Release notes that wait although their invoice is in no live order any more."""
        wanted = {
            "practice_id": practice_id,
            "order_id": order_id,
            "credit_note_id": credit_note_id,
        }
        invoices = (await self._connection.execute(_HOLD_INVOICES, wanted)).scalars().all()
        if not invoices:
            return []
        rows = await self._connection.execute(
            _RELEASE,
            {
                "practice_id": practice_id,
                "invoice_ids": list(invoices),
                "on": on,
                "code": CREDIT_NOTE_PENDING,
            },
        )
        return [
            ReleasedCreditNote(
                credit_note_id=row["credit_note_id"],
                practice_id=practice_id,
                contract_id=ContractId(row["contract_id"]),
                invoice_id=InvoiceId(row["invoice_id"]),
                order_id=OrderId(row["last_order_id"]),
                number=row["credit_note_number"],
                amount=Money(row["amount_rappen"]),
            )
            for row in rows.mappings()
        ]

    async def settle_credit_note(
        self, practice_id: PracticeId, invoice_id: InvoiceId, credit_note_id: UUID
    ) -> bool:
        """Note that the books have settled a released note; the last one lets its invoice go."""
        wanted = {"practice_id": practice_id, "credit_note_id": credit_note_id}
        changed = (await self._connection.execute(_SETTLE, wanted)).rowcount == 1
        await self._connection.execute(
            _LET_GO,
            {
                "practice_id": practice_id,
                "invoice_id": invoice_id,
                "code": CREDIT_NOTE_PENDING,
            },
        )
        return changed

    async def set_line_aside(
        self, practice_id: PracticeId, invoice_id: InvoiceId, *, set_aside: bool
    ) -> None:
        """Note whether the books set the invoice's line in its live order aside."""
        await self._connection.execute(
            _SET_ASIDE,
            {"practice_id": practice_id, "invoice_id": invoice_id, "set_aside": set_aside},
        )

    async def set_line_given_back(
        self, practice_id: PracticeId, invoice_id: InvoiceId, *, given_back: bool, by: UUID | None
    ) -> OrderId | None:
        """Let the invoice leave the order it was given back from, or return to it."""
        wanted = {"practice_id": practice_id, "invoice_id": invoice_id}
        turning = wanted | {"given_back": given_back}
        if (await self._connection.execute(_HOLD_INVOICE, turning)).one_or_none() is None:
            return None
        found = await (
            self._connection.execute(_GIVE_BACK, wanted | {"given_back_by": by})
            if given_back
            else self._connection.execute(_TAKE_AGAIN, wanted)
        )
        turned = found.scalar_one_or_none()
        return None if turned is None else OrderId(turned)

    async def _waiting(
        self, statement: TextClause, practice_id: PracticeId, contract_id: ContractId, limit: int
    ) -> list[PackedCreditNote]:
        wanted = {"practice_id": practice_id, "contract_id": contract_id, "limit": limit}
        rows = await self._connection.execute(statement, wanted)
        return [
            PackedCreditNote(
                place=row["place"],
                credit_note_id=row["credit_note_id"],
                number=row["credit_note_number"],
                invoice_number=row["invoice_number"],
                debtor_number=row["debtor_number"],
                amount=Money(row["amount_rappen"]),
                document=content(row, "document"),
            )
            for row in rows.mappings()
        ]
