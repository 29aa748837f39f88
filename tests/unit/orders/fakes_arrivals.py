"""The arrival clock's deadlines in memory."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from services.orders.domain.arrival_clock import DueArrival, running_clock
from services.orders.domain.order import Order
from shared.kernel.ids import ContractId, OrderId, PracticeId


class FakeArrivals:
    """Deadlines in a dictionary."""

    def __init__(self, orders: Mapping[UUID, Order]) -> None:
        self.deadlines: dict[UUID, datetime] = {}
        self._orders = orders

    async def due(self, *, now: datetime, limit: int) -> list[DueArrival]:
        waiting = []
        for order in self._orders.values():
            clock = running_clock(order)
            deadline = self.deadlines.get(order.order_id)
            if clock and not clock.overdue_since and (deadline is None or deadline <= now):
                waiting.append(DueArrival(order.order_id, order.practice_id))
        return waiting[:limit]

    async def set_deadline(self, order_id: OrderId, deadline: datetime) -> None:
        self.deadlines[order_id] = deadline

    async def forget_deadlines(
        self, practice_id: PracticeId, *, contract_id: ContractId | None = None
    ) -> None:
        self.deadlines.clear()
