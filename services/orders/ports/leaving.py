"""What the watch over orders that do not leave needs."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from services.orders.domain.leaving import DueLeaving, Leaving
from services.orders.domain.order import Order
from shared.kernel.ids import ContractId, PracticeId


class LeavingRepository(Protocol):
    """Which prepared orders do not leave."""

    async def due(self, *, now: datetime, limit: int) -> list[DueLeaving]:
        """Return orders whose time to leave has passed or is to be set, or that moved on."""

    async def get(self, order: Order) -> Leaving:
        """Return what is known of a locked order's leaving."""

    async def save(self, leaving: Leaving) -> None:
        """Keep it in the place of what was known."""

    async def forget_deadlines(
        self, practice_id: PracticeId, *, contract_id: ContractId | None = None
    ) -> None:
        """Let deadlines be set anew, of one contract or of all."""
