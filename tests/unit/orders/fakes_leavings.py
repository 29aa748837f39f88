"""Orders that do not leave, in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from services.orders.domain.leaving import DueLeaving, Leaving, has_moved_on
from services.orders.domain.order import Order, OrderState
from shared.kernel.ids import ContractId, PracticeId


class FakeLeavings:
    """What was told, in a dictionary."""

    def __init__(self, orders: Mapping[UUID, Order]) -> None:
        self.known: dict[UUID, Leaving] = {}
        self._orders = orders

    async def due(self, *, now: datetime, limit: int) -> list[DueLeaving]:
        due = []
        for order in self._orders.values():
            leaving = await self.get(order)
            if leaving.open_reason is not None:
                is_due = has_moved_on(order, leaving)
            else:
                passed = leaving.deadline is None or leaving.deadline <= now
                is_due = order.state is OrderState.PREPARED and passed
            if is_due:
                due.append(DueLeaving(order.order_id, order.practice_id))
        return due[:limit]

    async def get(self, order: Order) -> Leaving:
        return self.known.get(order.order_id, Leaving(order.order_id, order.practice_id))

    async def save(self, leaving: Leaving) -> None:
        self.known[leaving.order_id] = leaving

    async def forget_deadlines(
        self, practice_id: PracticeId, *, contract_id: ContractId | None = None
    ) -> None:
        for leaving in self.known.values():
            self.known[leaving.order_id] = replace(leaving, deadline=None)
