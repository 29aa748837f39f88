"""Time comes from a clock that is passed in; dates are those of Europe/Zurich."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime
from typing import Protocol
from zoneinfo import ZoneInfo

SWISS_TIME = ZoneInfo("Europe/Zurich")


class Clock(Protocol):
    """Where the code learns what time it is, and how it waits."""

    def now(self) -> datetime:
        """Return the present instant, aware, in UTC."""

    def today(self) -> date:
        """Return the calendar day in Switzerland."""

    async def sleep(self, seconds: float) -> None:
        """Wait for so many seconds of this clock."""


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """Return the present instant, aware, in UTC."""
        return datetime.now(UTC)

    def today(self) -> date:
        """Return the calendar day in Switzerland."""
        return datetime.now(SWISS_TIME).date()

    async def sleep(self, seconds: float) -> None:
        """Wait in real time."""
        await asyncio.sleep(seconds)
