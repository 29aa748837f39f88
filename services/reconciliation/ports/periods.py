"""What closing periods needs from outside."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Protocol
from uuid import UUID

from services.reconciliation.domain.journal import Head
from services.reconciliation.domain.periods import ClosingBalance, PeriodDecision


class PeriodRepository(Protocol):
    """Closings and reopenings of a practice, under the lock of its books."""

    async def latest(self, practice_id: UUID) -> PeriodDecision | None:
        """Return the last decision, or None."""

    async def in_force(self, practice_id: UUID) -> Sequence[PeriodDecision]:
        """Return the closings that nobody reopened, by day, the latest first."""

    async def end_of_day(
        self, practice_id: UUID, day: date
    ) -> tuple[Head, tuple[ClosingBalance, ...]]:
        """Return the end of the journal, and every account of the chart at the end of a day."""

    async def store(self, decision: PeriodDecision) -> None:
        """Keep a decision."""
