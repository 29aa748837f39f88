"""What the handlers about the queue of exceptions need."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from services.reconciliation.domain.exceptions import (
    Ending,
    HistoryEvent,
    ItemId,
    KnownItem,
    Report,
)


class ReportRepository(Protocol):
    """What other services reported; a repeat or an older round changes nothing."""

    async def report(self, report: Report) -> bool:
        """Keep what is wrong; False where this round or a later one is known.

        Whether it was ended before it came is kept with it.
        """

    async def end(self, ending: Ending) -> bool:
        """Keep that it has ended, reported or not; False where that is known."""


class ExceptionDesk(Protocol):
    """What persons add to items: whose they are, notes, and that one is closed."""

    async def find(self, item: ItemId) -> KnownItem | None:
        """Return an item in scope, open or not, and keep others from its desk; or None."""

    async def assign(self, item: KnownItem, event: HistoryEvent) -> None:
        """Give an item to somebody, or to nobody."""

    async def note(self, item: KnownItem, event: HistoryEvent) -> None:
        """Add a note."""

    async def close(self, item: KnownItem, event: HistoryEvent, *, at: datetime) -> None:
        """Take an item out of the queue, until it happens again after this moment."""
