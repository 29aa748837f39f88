"""An office's policy: on which weekdays and at what hours orders of a contract are prepared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from datetime import date as calendar_day
from uuid import UUID

from services.orders.domain.notices import Notice
from services.orders.domain.selection import Rule
from shared.kernel.clock import SWISS_TIME
from shared.kernel.errors import NotFoundError, StaleError
from shared.kernel.ids import ContractId, PracticeId
from shared.kernel.money import Money

_DAYS_AHEAD_MAX = 400


@dataclass(frozen=True, slots=True)
class DuePolicy:
    """A policy whose next run is due."""

    practice_id: PracticeId
    contract_id: ContractId


@dataclass(frozen=True, slots=True)
class Policy:
    """When orders of a contract are prepared by themselves, and of what.

    Attributes:
        version: counts its changes, 1, 2, 3, ...
        weekdays: 1 (Monday) to 7 (Sunday).
        times: wall-clock times in Switzerland.
        notices: structured reasons of each order as a whole.
        minimum_total: below this a run prepares nothing.
        changed_by: whose decision it is.
        next_run_at: None while it is switched off.
    """

    practice_id: PracticeId
    contract_id: ContractId
    version: int
    enabled: bool
    weekdays: frozenset[int]
    times: tuple[time, ...]
    communication: str
    minimum_total: Money | None
    rule: Rule | None
    changed_by: str
    changed_at: datetime
    next_run_at: datetime | None = None
    notices: tuple[Notice, ...] = ()

    def next_after(
        self, moment: datetime, is_holiday: Callable[[calendar_day], bool]
    ) -> datetime | None:
        """Return the first run behind a moment that falls on no holiday; None if there is none.

        A time that the clocks skip in spring is run when they have moved on; one that comes twice
        in autumn is run the first time.
        """
        if not self.enabled:
            return None
        first_day = moment.astimezone(SWISS_TIME).date()
        for ahead in range(_DAYS_AHEAD_MAX):
            day = first_day + timedelta(days=ahead)
            if day.isoweekday() not in self.weekdays or is_holiday(day):
                continue
            for at in sorted(self.times):
                instant = datetime.combine(day, at, SWISS_TIME).astimezone(UTC)
                if instant > moment:
                    return instant
        return None


def is_still_meant(slot: datetime, *, today: calendar_day) -> bool:
    """Return whether a slot is still to be run: on its own Swiss day, not after a standstill."""
    return slot.astimezone(SWISS_TIME).date() == today


class PolicyChangedError(StaleError):
    """Somebody else changed the policy since it was read."""

    def __init__(self, version: int | None) -> None:
        super().__init__(
            "Somebody has changed this policy meanwhile. Load it again and decide anew.",
            code="changed-meanwhile",
            version=version,
        )


class PolicyNotFoundError(NotFoundError):
    """The contract has no policy."""

    def __init__(self, contract_id: UUID) -> None:
        super().__init__(
            "This contract has no order policy.",
            code="order-policy-not-found",
            contract_id=str(contract_id),
        )
