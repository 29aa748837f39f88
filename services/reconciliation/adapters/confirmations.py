"""Orders and their confirmations in PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reconciliation.adapters import bulk
from services.reconciliation.adapters.tables import (
    CONFIRMATION_LINE,
    ORDER_CONFIRMATION,
    PREPARED_ORDER,
)
from services.reconciliation.domain.model import Confirmation, ConfirmationLine, PreparedOrder
from shared.kernel.errors import PermanentError
from shared.kernel.money import Money


class PostgresConfirmationRepository:
    """`ConfirmationRepository` on an open, scoped transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def note_order(self, order: PreparedOrder) -> bool:
        """Remember that an order exists, confirmed or not; False if it is known."""
        values = asdict(order)
        values["total_rappen"] = order.total and order.total.rappen
        del values["total"]
        new = await bulk.insert(
            self._connection,
            PREPARED_ORDER,
            [values],
            on_conflict="ON CONFLICT (order_id) DO NOTHING",
        )
        return new == 1

    async def is_order_known(self, order_id: UUID) -> bool:
        """Whether the order exists in this practice."""
        result = await self._connection.execute(
            text("SELECT EXISTS (SELECT FROM prepared_order WHERE order_id = :order_id)"),
            {"order_id": order_id},
        )
        return bool(result.scalar_one())

    async def find(self, order_id: UUID) -> Confirmation | None:
        """Return a confirmation, or None."""
        result = await self._connection.execute(
            ORDER_CONFIRMATION.select().where(ORDER_CONFIRMATION.c.order_id == order_id)
        )
        row = result.mappings().one_or_none()
        if row is None:
            return None
        values = dict(row)
        values["accepted_total"] = Money(values.pop("accepted_total_rappen"))
        return Confirmation(**values)

    async def store(self, confirmation: Confirmation, lines: Sequence[ConfirmationLine]) -> None:
        """Store a confirmation with all its lines; they are never changed afterwards.

        Raises:
            PermanentError: the order number belongs to another order of the practice.
        """
        values = asdict(confirmation)
        values["accepted_total_rappen"] = confirmation.accepted_total.rappen
        try:
            await bulk.insert(self._connection, ORDER_CONFIRMATION, [values])
        except IntegrityError as error:
            raise PermanentError(
                f"order number {confirmation.order_number} was confirmed for another order"
            ) from error
        await bulk.insert(
            self._connection,
            CONFIRMATION_LINE,
            [
                {
                    "practice_id": confirmation.practice_id,
                    "order_id": confirmation.order_id,
                    "line": line.line,
                    "invoice_id": line.invoice_id,
                    "amount_rappen": line.amount.rappen,
                    "accepted": line.accepted,
                    "refusal_code": line.refusal_code,
                }
                for line in lines
            ],
        )

    async def accepted_invoices(self, order_id: UUID) -> Mapping[UUID, Money]:
        """Return what the order's confirmation accepted: invoice to amount, in its order."""
        result = await self._connection.execute(
            text(
                "SELECT invoice_id, amount_rappen FROM confirmation_line"
                " WHERE order_id = :order_id AND accepted ORDER BY line"
            ),
            {"order_id": order_id},
        )
        return {row.invoice_id: Money(row.amount_rappen) for row in result}

    async def mark_acquitted(self, order_id: UUID, *, on: date, at: datetime) -> None:
        """Note the day and the moment at which the order was acquitted."""
        await self._connection.execute(
            text(
                "UPDATE order_confirmation SET acquitted_on = :on, acquitted_at = :at"
                " WHERE order_id = :order_id"
            ),
            {"on": on, "at": at, "order_id": order_id},
        )
