"""The portal's own clock: it runs faster than the world's, can be moved on, and is remembered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

RealTime = Callable[[], datetime]


def real_time() -> datetime:
    """Return the world's time."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class ClockState:
    """A point at which both times are known, and how fast simulated time runs from there."""

    real: datetime
    simulated: datetime
    speed: float


class PortalClock:
    """Simulated time: `speed` simulated seconds pass in each real second."""

    def __init__(self, state: ClockState, *, real: RealTime = real_time) -> None:
        self._state = state
        self._real = real

    @property
    def state(self) -> ClockState:
        """What must be kept so that the clock goes on after a restart."""
        return self._state

    def now(self) -> datetime:
        """Return the simulated instant, UTC."""
        passed = self._real() - self._state.real
        return self._state.simulated + passed * self._state.speed

    def real_now(self) -> datetime:
        """Return the world's instant, UTC; tokens live in the world's time."""
        return self._real()

    def advance(self, by: timedelta) -> None:
        """Move simulated time on at once."""
        self._rebase(self.now() + by, self._state.speed)

    def run_at(self, speed: float) -> None:
        """Change the speed from now on; simulated time does not jump."""
        self._rebase(self.now(), speed)

    def _rebase(self, simulated: datetime, speed: float) -> None:
        self._state = ClockState(real=self._real(), simulated=simulated, speed=speed)
