"""Which prepared orders do not leave, and what was told of it."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.orders.domain.leaving import DueLeaving, Leaving
from services.orders.domain.order import Order
from shared.kernel.ids import ContractId, OrderId, PracticeId

_DUE = text(
    """
    SELECT o.order_id, o.practice_id, l.deadline
    FROM orders o LEFT JOIN order_leaving l USING (practice_id, order_id)
    WHERE o.state = 'prepared' AND l.open_reason IS NULL
      AND (l.deadline IS NULL OR l.deadline <= :now)
    UNION ALL
    SELECT o.order_id, o.practice_id, l.deadline
    FROM order_leaving l JOIN orders o USING (practice_id, order_id)
    WHERE l.open_reason IS NOT NULL AND o.state <> 'prepared'
      AND (l.open_reason <> 'portal-lost-the-order' OR o.state NOT IN ('sent', 'unknown')
        OR EXISTS (SELECT FROM order_fact f WHERE f.order_id = o.order_id
          AND f.kind IN ('sent', 'unknown') AND f.attempt > l.open_attempt))
    ORDER BY deadline NULLS FIRST, order_id LIMIT :limit
    """
)
_GET = text(
    """
    SELECT deadline, held_because, held_at, told, open_reason, open_since, open_attempt
    FROM order_leaving WHERE practice_id = :practice_id AND order_id = :order_id
    """
)
_SAVE = text(
    """
    INSERT INTO order_leaving (practice_id, order_id, deadline, held_because, held_at, told,
      open_reason, open_since, open_attempt)
    VALUES (:practice_id, :order_id, :deadline, :held_because, :held_at, :told,
      :open_reason, :open_since, :open_attempt)
    ON CONFLICT ON CONSTRAINT order_leaving_pk DO UPDATE SET deadline = excluded.deadline,
      held_because = excluded.held_because, held_at = excluded.held_at, told = excluded.told,
      open_reason = excluded.open_reason, open_since = excluded.open_since,
      open_attempt = excluded.open_attempt
    """
)
_FORGET = text(
    """
    UPDATE order_leaving l SET deadline = NULL FROM orders o
    WHERE o.practice_id = :practice_id AND o.state = 'prepared' AND o.order_id = l.order_id
      AND l.practice_id = :practice_id AND l.open_reason IS NULL
      AND (CAST(:contract_id AS uuid) IS NULL OR o.contract_id = :contract_id)
    """
)


class SqlLeavingRepository:
    """See services.orders.ports.LeavingRepository."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def due(self, *, now: datetime, limit: int) -> list[DueLeaving]:
        """Return orders whose time to leave has passed or is to be set, or that moved on."""
        rows = await self._connection.execute(_DUE, {"now": now, "limit": limit})
        return [DueLeaving(OrderId(row.order_id), PracticeId(row.practice_id)) for row in rows]

    async def get(self, order: Order) -> Leaving:
        """Return what is known of a locked order's leaving."""
        which = {"practice_id": order.practice_id, "order_id": order.order_id}
        row = (await self._connection.execute(_GET, which)).mappings().one_or_none()
        return Leaving(order.order_id, order.practice_id, **(row or {}))

    async def save(self, leaving: Leaving) -> None:
        """Keep it in the place of what was known."""
        await self._connection.execute(_SAVE, asdict(leaving))

    async def forget_deadlines(
        self, practice_id: PracticeId, *, contract_id: ContractId | None = None
    ) -> None:
        """Let the deadlines that have not passed be set anew: terms or holidays have changed."""
        values = {"practice_id": practice_id, "contract_id": contract_id}
        await self._connection.execute(_FORGET, values)
