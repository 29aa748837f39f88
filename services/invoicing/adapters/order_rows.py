"""The orders that invoicing has heard of, and the invoices in them, in PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, any_, bindparam, literal, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.invoicing.adapters.tables import known_order, placement
from services.invoicing.domain.order import KnownOrder, LineOutcome, OrderedLine, Placement


class SqlOrderRepository:
    """See services.invoicing.ports.OrderRepository."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, order: KnownOrder, lines: Sequence[OrderedLine]) -> bool:
        """Keep an order with its lines; return False, and keep nothing, if it is known."""
        result = await self._connection.execute(
            insert(known_order)
            .values(
                order_id=order.order_id,
                practice_id=order.practice_id,
                contract_id=order.contract_id,
                order_number=order.order_number,
                prepared_at=order.prepared_at,
            )
            .on_conflict_do_nothing(index_elements=["order_id"])
        )
        if not result.rowcount:
            return False
        rows = [
            {
                "practice_id": order.practice_id,
                "order_id": order.order_id,
                "invoice_id": line.invoice_id,
                "amount_rappen": line.amount.rappen,
                "notices": list(line.notices),
            }
            for line in lines
        ]
        if rows:
            await self._connection.execute(insert(placement), rows)
        return True

    async def is_known(self, order_id: UUID) -> bool:
        """Whether the order was heard of."""
        found = await self._connection.execute(
            select(known_order.c.order_id).where(known_order.c.order_id == order_id)
        )
        return found.first() is not None

    async def mark_sent(self, order_id: UUID, *, at: datetime) -> bool:
        """Note that an order has left; return False if that was noted before."""
        result = await self._connection.execute(
            update(known_order)
            .where(known_order.c.order_id == order_id, known_order.c.sent_at.is_(None))
            .values(sent_at=at)
        )
        return bool(result.rowcount)

    async def placements(self, invoice_ids: Collection[UUID]) -> dict[UUID, list[Placement]]:
        """Return every place in an order that each of these invoices has or had."""
        rows = await self._connection.execute(
            select(
                placement.c.invoice_id,
                placement.c.order_id,
                known_order.c.order_number,
                known_order.c.prepared_at,
                placement.c.outcome,
                placement.c.refusal_code,
                known_order.c.sent_at,
            )
            .join(known_order, known_order.c.order_id == placement.c.order_id)
            .where(placement.c.invoice_id == any_(literal(list(invoice_ids), ARRAY(Uuid))))
        )
        by_invoice: dict[UUID, list[Placement]] = {one: [] for one in invoice_ids}
        for row in rows.mappings():
            outcome = LineOutcome(row["outcome"]) if row["outcome"] else None
            by_invoice[row["invoice_id"]].append(Placement(**{**row, "outcome": outcome}))
        return by_invoice

    async def invoices_of(self, order_id: UUID) -> list[UUID]:
        """Return the invoices of an order, whatever became of them."""
        rows = await self._connection.execute(
            select(placement.c.invoice_id)
            .where(placement.c.order_id == order_id)
            .order_by(placement.c.invoice_id)
        )
        return list(rows.scalars())

    async def save_placements(self, placements: Sequence[Placement]) -> None:
        """Write what became of lines."""
        await self._connection.execute(
            update(placement)
            .where(
                placement.c.order_id == bindparam("wanted_order"),
                placement.c.invoice_id == bindparam("wanted_invoice"),
            )
            .values(outcome=bindparam("new_outcome"), refusal_code=bindparam("new_code")),
            [
                {
                    "wanted_order": one.order_id,
                    "wanted_invoice": one.invoice_id,
                    "new_outcome": one.outcome.value if one.outcome else None,
                    "new_code": one.refusal_code,
                }
                for one in placements
            ],
        )
