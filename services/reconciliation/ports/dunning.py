"""What the dunning brake needs from outside."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from services.reconciliation.domain.dunning import Among, Findings, OrderOutcome, Verdict


class DunningRepository(Protocol):
    """What the brake goes by, and the verdict that was told last."""

    async def note_lines(
        self, practice_id: UUID, order_id: UUID, invoice_ids: Collection[UUID]
    ) -> None:
        """Remember which invoices an order holds; known ones stay."""

    async def note_end(
        self, practice_id: UUID, order_id: UUID, outcome: OrderOutcome, *, at: datetime
    ) -> bool:
        """Remember that an order ended without confirmation; False if that is known."""

    async def findings(
        self, among: Among, *, after: UUID | None = None, limit: int = 1
    ) -> Sequence[Findings]:
        """Return the findings of these practices in scope, of those behind `after`, by id."""

    async def keep(self, verdict: Verdict, *, at: datetime) -> None:
        """Keep the verdict as the one that was told last."""


class DunningQueue(Protocol):
    """Looks over all practices, outside any one's scope."""

    async def findings(self, *, after: UUID | None, limit: int) -> Sequence[Findings]:
        """Return the findings of practices behind `after`, by id.

        Raises:
            TransientError: the database did not answer.
        """
