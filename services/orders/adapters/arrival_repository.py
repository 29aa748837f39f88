"""The deadlines of orders on their way; whether one has passed is a fact of the order itself."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.orders.domain.arrival_clock import DueArrival
from shared.kernel.ids import ContractId, OrderId, PracticeId

_DUE = text(
    """
    SELECT order_id, practice_id FROM orders
    WHERE state IN ('sent', 'unknown') AND overdue_since IS NULL
      AND (arrival_deadline IS NULL OR arrival_deadline <= :now)
    ORDER BY arrival_deadline NULLS FIRST, order_id LIMIT :limit
    """
)
_SET = text("UPDATE orders SET arrival_deadline = :deadline WHERE order_id = :order_id")
_FORGET = text(
    """
    UPDATE orders SET arrival_deadline = NULL
    WHERE practice_id = :practice_id AND state IN ('sent', 'unknown') AND overdue_since IS NULL
      AND (CAST(:contract_id AS uuid) IS NULL OR contract_id = :contract_id)
    """
)


class SqlArrivalRepository:
    """See services.orders.ports.ArrivalRepository."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def due(self, *, now: datetime, limit: int) -> list[DueArrival]:
        """Return orders whose deadline has passed or is to be set."""
        rows = await self._connection.execute(_DUE, {"now": now, "limit": limit})
        return [DueArrival(OrderId(row.order_id), PracticeId(row.practice_id)) for row in rows]

    async def set_deadline(self, order_id: OrderId, deadline: datetime) -> None:
        """Keep the deadline of an order on its way."""
        await self._connection.execute(_SET, {"order_id": order_id, "deadline": deadline})

    async def forget_deadlines(
        self, practice_id: PracticeId, *, contract_id: ContractId | None = None
    ) -> None:
        """Let the deadlines that have not passed be set anew: terms or holidays have changed."""
        values = {"practice_id": practice_id, "contract_id": contract_id}
        await self._connection.execute(_FORGET, values)
