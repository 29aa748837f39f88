"""What several test trees share: a clock that stands still until it is told to move."""

from shared.testing.clock import FrozenClock

__all__ = ["FrozenClock"]
