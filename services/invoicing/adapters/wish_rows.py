"""Cancellations that wait for an order to be taken back, in PostgreSQL."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.invoicing.domain.cancellation_wish import CancellationWish, WishState

_OF_INVOICE = text("SELECT * FROM cancellation_wish WHERE invoice_id = :invoice_id")
_PENDING = text(
    """
    SELECT * FROM cancellation_wish WHERE order_id = :order_id AND state = 'pending'
    ORDER BY invoice_id
    """
)
_SAVE = text(
    """
    INSERT INTO cancellation_wish (practice_id, invoice_id, order_id, reason_code, asked_at,
      asked_by, state, settled_at)
    VALUES (:practice_id, :invoice_id, :order_id, :reason_code, :asked_at,
      :asked_by, :state, :settled_at)
    ON CONFLICT (practice_id, invoice_id) DO UPDATE
      SET order_id = excluded.order_id, reason_code = excluded.reason_code,
          asked_at = excluded.asked_at, asked_by = excluded.asked_by,
          state = excluded.state, settled_at = excluded.settled_at
    """
)


class SqlWishRepository:
    """See services.invoicing.ports.WishRepository."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def of_invoice(self, invoice_id: UUID) -> CancellationWish | None:
        """Return the last wish about an invoice, settled or not, or None."""
        rows = await self._connection.execute(_OF_INVOICE, {"invoice_id": invoice_id})
        row = rows.mappings().one_or_none()
        return None if row is None else _wish(row)

    async def pending(self, order_id: UUID) -> list[CancellationWish]:
        """Return the wishes that wait for this order."""
        rows = await self._connection.execute(_PENDING, {"order_id": order_id})
        return [_wish(row) for row in rows.mappings()]

    async def save(self, wish: CancellationWish) -> None:
        """Write a wish, in the place of an earlier one about the invoice."""
        await self._connection.execute(
            _SAVE,
            {
                "practice_id": wish.practice_id,
                "invoice_id": wish.invoice_id,
                "order_id": wish.order_id,
                "reason_code": wish.reason_code,
                "asked_at": wish.asked_at,
                "asked_by": wish.asked_by,
                "state": wish.state.value,
                "settled_at": wish.settled_at,
            },
        )


def _wish(row: RowMapping) -> CancellationWish:
    return CancellationWish(**{**row, "state": WishState(row["state"])})
