"""When to try again: quickly at first, then ever slower, never all at once, and never giving up."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

Jitter = Callable[[int, int], int]
"""Returns a whole number between two bounds, both included."""

_system_random = random.SystemRandom()


def system_jitter(low: int, high: int) -> int:
    """Draw from the machine's randomness."""
    return _system_random.randint(low, high)


@dataclass(frozen=True, slots=True)
class RetrySchedule:
    """Doubling delays with jitter; after `quick_attempts` a fixed slow pace.

    Attributes:
        first: delay after the first failure.
        longest: no quick delay is longer.
        quick_attempts: how many failures are answered quickly.
        slow: delay after that; a person is expected to look by then.
    """

    first: timedelta = timedelta(seconds=2)
    longest: timedelta = timedelta(minutes=15)
    quick_attempts: int = 10
    slow: timedelta = timedelta(hours=1)

    def delay_after(
        self, failures: int, *, jitter: Jitter = system_jitter, at_least: timedelta | None = None
    ) -> timedelta:
        """Return how long to wait after so many failures in a row (1, 2, ...).

        Half of the delay is fixed, half is drawn, so that many senders do not come back together.
        `at_least` is the portal's own wish (Retry-After).
        """
        base = self.slow
        if failures <= self.quick_attempts:
            base = min(self.first * 2 ** min(failures - 1, 30), self.longest)
        milliseconds = base // timedelta(milliseconds=1)
        delay = timedelta(milliseconds=jitter(milliseconds // 2, milliseconds))
        return delay if at_least is None else max(delay, at_least)


@dataclass(frozen=True, slots=True)
class CircuitPolicy:
    """When a portal is left alone.

    Attributes:
        failures_max: so many in a row open the circuit.
        pause: how long it is left alone, longer from probe to probe.
    """

    failures_max: int = 5
    pause: RetrySchedule = field(
        default_factory=lambda: RetrySchedule(
            first=timedelta(seconds=30), slow=timedelta(minutes=15)
        )
    )


@dataclass(frozen=True, slots=True)
class DispatchPolicy:
    """How patient the gateway is.

    Attributes:
        retry: pace of sends that did not leave, and of asks that got no answer.
        doubt_settle: how long after a lost answer the portal is asked, so that a request that is
            still under way has ended.
        hold_recheck: how often a held transmission is looked at again.
        lease: how long one worker may have an order in hand; longer than any call takes.
        lease_spare: the part of it that may pass before the call begins; the rest outlasts the
            call, so that nobody else takes the order over while bytes are leaving.
        overdue_slowdown: an overdue order is asked about so many times less often.
        circuit: when a portal that does not answer is left alone.
    """

    retry: RetrySchedule = field(default_factory=RetrySchedule)
    doubt_settle: timedelta = timedelta(seconds=2)
    hold_recheck: timedelta = timedelta(minutes=5)
    lease: timedelta = timedelta(seconds=110)
    lease_spare: timedelta = timedelta(seconds=30)
    overdue_slowdown: int = 4
    circuit: CircuitPolicy = field(default_factory=CircuitPolicy)
