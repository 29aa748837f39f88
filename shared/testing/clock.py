"""A clock for tests and simulations: time passes only when somebody says so."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta

from shared.kernel.clock import SWISS_TIME


class FrozenClock:
    """A clock that stands still; sleeping on it moves it on at once.

    Fits the port shared.kernel.clock.Clock.
    """

    def __init__(self, now: datetime = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)) -> None:
        self._now = now
        self.move_to(now)

    def now(self) -> datetime:
        """Return the instant at which the clock stands, in UTC."""
        return self._now

    def today(self) -> date:
        """Return the calendar day in Switzerland at that instant."""
        return self._now.astimezone(SWISS_TIME).date()

    async def sleep(self, seconds: float) -> None:
        """Let so many seconds pass at once, and give other tasks a turn."""
        self.advance(timedelta(seconds=seconds))
        await asyncio.sleep(0)

    def advance(self, by: timedelta) -> None:
        """Move the clock on.

        Raises:
            ValueError: it would run backwards.
        """
        if by < timedelta(0):
            raise ValueError("a clock does not run backwards")
        self._now += by

    def move_to(self, instant: datetime) -> None:
        """Set the clock to an instant, earlier or later.

        Raises:
            ValueError: the instant has no time zone.
        """
        if instant.tzinfo is None:
            raise ValueError("an instant needs a time zone")
        self._now = instant.astimezone(UTC)
