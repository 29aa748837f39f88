"""The dunning brake: whether a practice may run reminders, and if not, why.

A reminder of what is paid, or of what the factor has, costs trust. So reminders wait while the
books may not know yet what was paid and who is to be reminded by whom.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from uuid import UUID

from shared.kernel.money import Money


class BrakeReason(StrEnum):
    """Why reminders have to wait."""

    ORDER_UNCONFIRMED = "order-unconfirmed"
    DEB_FILE_LATE = "deb-file-late"
    NO_DEB_FILE_YET = "no-deb-file-yet"
    DEB_FILE_HELD = "deb-file-held"
    DEB_FILE_SET_ASIDE = "deb-file-set-aside"
    DEB_FILE_AWAITS_REVIEW = "deb-file-awaits-review"
    ROWS_PARKED = "rows-parked"


class OrderOutcome(StrEnum):
    """How an order ended without a confirmation."""

    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Among:
    """Which practices to look at; None: whichever.

    Attributes:
        practice_ids: these.
        contract_ids: those that have one of these contracts.
    """

    practice_ids: Collection[UUID] | None = None
    contract_ids: Collection[UUID] | None = None


@dataclass(frozen=True, slots=True)
class Findings:
    """What the books know of a practice, as far as the brake asks.

    Attributes:
        orders, oldest_order_on: prepared or sent, not confirmed, refused or withdrawn.
        parked_amount: of all parked rows, whatever their sign.
        last_files: of each contract under which the factor has an invoice that is not settled, the
            day of the last booked DEB file; None: there never was one.
        told: reasons of the verdict that was told last; empty if none was.
    """

    practice_id: UUID
    orders: int
    oldest_order_on: date | None
    held_files: int
    files_in_review: int
    files_set_aside: int
    parked_rows: int
    parked_amount: Money
    last_files: tuple[date | None, ...]
    told: frozenset[str]


@dataclass(frozen=True, slots=True)
class Brake:
    """One reason why reminders have to wait.

    Attributes:
        count: orders, files or rows; of late or missing DEB files: contracts.
        amount: of parked rows.
        since: day of the oldest order, or of the last file.
    """

    reason: BrakeReason
    count: int
    amount: Money | None = None
    since: date | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a practice may run reminders."""

    practice_id: UUID
    brakes: tuple[Brake, ...]

    @property
    def released(self) -> bool:
        """Whether reminders may be run."""
        return not self.brakes

    @property
    def reasons(self) -> frozenset[str]:
        """The reasons alone; another set of them is another verdict."""
        return frozenset(brake.reason.value for brake in self.brakes)


def judge(found: Findings, *, today: date, deb_days_max: int) -> Verdict:
    """Return the verdict about a practice.

    Args:
        deb_days_max: a DEB file that is more days old is late.
    """
    oldest_good = today - timedelta(days=deb_days_max)
    late = [day for day in found.last_files if day is not None and day < oldest_good]
    candidates = (
        Brake(BrakeReason.ORDER_UNCONFIRMED, found.orders, since=found.oldest_order_on),
        Brake(BrakeReason.DEB_FILE_LATE, len(late), since=min(late, default=None)),
        Brake(BrakeReason.NO_DEB_FILE_YET, found.last_files.count(None)),
        Brake(BrakeReason.DEB_FILE_HELD, found.held_files),
        Brake(BrakeReason.DEB_FILE_SET_ASIDE, found.files_set_aside),
        Brake(BrakeReason.DEB_FILE_AWAITS_REVIEW, found.files_in_review),
        Brake(BrakeReason.ROWS_PARKED, found.parked_rows, amount=found.parked_amount),
    )
    return Verdict(found.practice_id, tuple(brake for brake in candidates if brake.count))
