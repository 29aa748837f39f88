"""The circuit breaker: after failures in a row a portal is left alone, then tried by one call.

There is one circuit per portal, by its address, so that one portal's outage stops no other, and one
per practice's account there. It decides only whether a call is made; what a call that was made
means (a doubt stays a doubt) is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from services.debident_gateway.domain.answers import InDoubt, NotSent, SendOutcome
from services.debident_gateway.domain.model import PortalAddress

ANSWERED = "answered"
"""Stands for any answer by which portal and account are evidently in order."""
_PORTAL_SILENT = frozenset(
    {"could-not-connect", "portal-unavailable", "time-out", "connection-lost"}
)
_ACCOUNT_REFUSED = frozenset(
    {
        "portal-refused-credentials",
        "portal-refused-token",
        "portal-host-key-changed",
        # How much is asked is limited for each account; others go on.
        "portal-limits-account",
        "unexpected-answer-429",
    }
)
_SERVER_ERROR = "unexpected-answer-5"


class CircuitScope(StrEnum):
    """What is out of reach."""

    PORTAL = "portal"
    ACCOUNT = "account"


@dataclass(frozen=True, slots=True)
class Outage:
    """Something that is out of reach, as practices are told of it.

    Attributes:
        since: when the first of its failures happened.
    """

    outage_id: UUID
    at: PortalAddress
    scope: CircuitScope
    since: datetime


def blamed(code: str) -> CircuitScope | None:
    """Return what the code of a call speaks against, or None: the portal gave an answer."""
    if code in _ACCOUNT_REFUSED:
        return CircuitScope.ACCOUNT
    if code in _PORTAL_SILENT or code.startswith(_SERVER_ERROR):
        return CircuitScope.PORTAL
    return None


def code_of(outcome: SendOutcome) -> str:
    """Return what a send tells of the portal."""
    return outcome.code if isinstance(outcome, (NotSent, InDoubt)) else ANSWERED


@dataclass(slots=True)
class Circuit:
    """Whether calls to a portal, or of a practice's account there, are made.

    Attributes:
        at: the portal.
        practice_id: whose account; None for the portal itself.
        failures: in a row; a single answer sets it to 0.
        failing_since: when the first of them happened.
        reason_code: of the last one.
        outage_id: while the circuit is open.
        pauses: how often the outage outlasted a probe, and one.
        next_probe_at: no call before this.
        probing_until: until then a single call is under way that decides.
    """

    at: PortalAddress
    practice_id: UUID | None = None
    failures: int = 0
    failing_since: datetime | None = None
    reason_code: str | None = None
    outage_id: UUID | None = None
    pauses: int = 0
    next_probe_at: datetime | None = None
    probing_until: datetime | None = None

    @property
    def scope(self) -> CircuitScope:
        """What it is about."""
        return CircuitScope.PORTAL if self.practice_id is None else CircuitScope.ACCOUNT

    @property
    def is_open(self) -> bool:
        """Whether calls are held back."""
        return self.outage_id is not None

    @property
    def is_calm(self) -> bool:
        """Whether the last call found everything in order."""
        return self.failures == 0 and not self.is_open

    def held_until(self, now: datetime) -> datetime | None:
        """Return until when a call has to wait; None where it may be made, as a probe if open."""
        if not self.is_open:
            return None
        waits = (self.next_probe_at, self.probing_until)
        return max((at for at in waits if at is not None and at > now), default=None)

    def begin_probe(self, *, until: datetime) -> None:
        """One call may be made; if its process does not come back, another one after `until`."""
        self.probing_until = until

    def note_failure(
        self,
        code: str,
        *,
        is_probe: bool,
        now: datetime,
        failures_max: int,
        pause: Callable[[int], timedelta],
        outage_id: UUID,
    ) -> bool:
        """Count a failure; return whether it opened the circuit.

        Args:
            is_probe: whether the call was the one that decides; others of an open circuit began
                before it opened, and say nothing new.
            pause: how long to leave it alone after so many pauses (1, 2, ...).
            outage_id: the id of an outage that begins by this.
        """
        if self.is_open and not is_probe:
            return False
        self.reason_code = code
        self.probing_until = None
        opens = not self.is_open and self.failures + 1 >= failures_max
        self.failures += 1
        self.failing_since = self.failing_since or now
        if opens:
            self.outage_id = outage_id
        if self.is_open:
            self.pauses += 1
            self.next_probe_at = now + pause(self.pauses)
        return opens

    def note_answer(self) -> None:
        """It answered, whichever call it was: everything is as at the beginning."""
        self.failures = self.pauses = 0
        self.failing_since = self.next_probe_at = self.probing_until = None
        self.reason_code = self.outage_id = None
