"""The life of a whole DEB file: what a person finds, decides, and is told of the effect."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from shared.kernel.money import Money

BOOK, HOLD, RELEASE, UNDO_FILE, BOOK_ANEW = "book", "hold", "release", "undo", "book-anew"
DISCARD, RETRY = "discard", "retry"


@dataclass(frozen=True, slots=True)
class LivingFile:
    """A DEB file, as far as a person's decision about it needs it.

    Attributes:
        awaits_review: whether it is staged and waits for a person to have it booked.
        reason_code: why it is, or was until it was discarded, held; None for all others.
        is_judged: whether any row of it was booked, found a repeat, or parked.
        is_replaced: whether its bytes were booked anew as another file.
        is_set_aside: whether booking or undoing it ended without a result again and again.
        last_decision: what a person decided about it last, if any did.
    """

    deb_file_id: UUID
    practice_id: UUID
    contract_id: UUID
    status: str
    awaits_review: bool
    reason_code: str | None
    is_judged: bool
    is_replaced: bool
    is_set_aside: bool
    last_decision: str | None


@dataclass(frozen=True, slots=True)
class FileDecision:
    """What a person decided about a file, and why."""

    decision_id: UUID
    practice_id: UUID
    deb_file_id: UUID
    decision: str
    reason: str
    decided_by: str
    decided_at: datetime


@dataclass(frozen=True, slots=True)
class SupersededFile:
    """A held file whose place another version of it has taken; why it was held."""

    deb_file_id: UUID
    reason_code: str


@dataclass(frozen=True, slots=True)
class UndoneFile:
    """What undoing a file led to; rows read = booked + repeats + parked + undone.

    Attributes:
        kept: booked rows that this undoing could not undo.
        debt_change, factor_change: of all D and all P together, by this undoing.
    """

    rows_read: int
    booked: int
    repeats: int
    parked: int
    undone: int
    kept: int
    debt_change: Money
    factor_change: Money


@dataclass(frozen=True, slots=True)
class BookPlace:
    """Where a practice's books end: the last journal number, and the last fact's place."""

    number: int
    fact: int


@dataclass(frozen=True, slots=True)
class AccountEffect:
    """What a file does to one account: debit and credit."""

    account: str
    role: str
    debit: Money
    credit: Money


@dataclass(frozen=True, slots=True)
class KindEffect:
    """What a file's rows of one kind do: how many are booked, and what they move."""

    kind: str
    rows: int
    amount: Money
    debtor_change: Money
    factor_change: Money


@dataclass(frozen=True, slots=True)
class Effect:
    """What a file does to the books, in sums."""

    accounts: tuple[AccountEffect, ...]
    kinds: tuple[KindEffect, ...]
