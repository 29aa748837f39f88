"""What the books tell others: domain events, recorded on the unit of work."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TypeAlias
from uuid import UUID

from services.reconciliation.domain.dunning import Brake
from services.reconciliation.domain.model import Debt, Position
from shared.kernel.money import Money

NOTHING = Money.zero()


@dataclass(frozen=True, slots=True)
class InvoiceAcquitted:
    """An invoice was acquitted against the factor account."""

    practice_id: UUID
    invoice_id: UUID
    contract_id: UUID
    order_id: UUID
    amount: Money
    ledger_account: str
    label: str
    acquitted_on: date
    journal_entry_id: UUID


@dataclass(frozen=True, slots=True)
class OrderAcquitted:
    """Every accepted invoice of an order is acquitted, or set aside for a person.

    Attributes:
        invoice_count, total: of those that are acquitted.
        set_aside_count, set_aside_total: of the others, by the amounts that were confirmed.
    """

    practice_id: UUID
    order_id: UUID
    contract_id: UUID
    invoice_count: int
    total: Money
    acquitted_on: date
    set_aside_count: int = 0
    set_aside_total: Money = NOTHING


@dataclass(frozen=True, slots=True)
class Change:
    """One fact behind a changed position.

    Attributes:
        reverses: of a reversal or undoing, the kind of what it undoes.
        credit_note_id: of the credit note that was settled without the factor.
        level: of a reminder, which one it was, as far as its row says.
    """

    kind: str
    amount: Money | None
    event_date: date
    reverses: str | None = None
    credit_note_id: UUID | None = None
    level: int | None = None


@dataclass(frozen=True, slots=True)
class InvoicePositionChanged:
    """An invoice's two positions after a booking.

    Attributes:
        given_back_by: the order of the acquittal that a recourse ended; None if there is none.
    """

    practice_id: UUID
    invoice_id: UUID
    contract_id: UUID | None
    debt: Debt
    factor_owes: Money
    with_factor: bool
    deb_file_id: UUID | None
    changes: tuple[Change, ...]
    changed_at: datetime
    given_back_by: UUID | None = None

    @classmethod
    def of_fact(
        cls, practice_id: UUID, after: Position, change: Change, *, at: datetime
    ) -> InvoicePositionChanged:
        """Return the statement about a position after one fact that no DEB file told of."""
        return cls(
            practice_id=practice_id,
            invoice_id=after.invoice_id,
            contract_id=after.present_contract_id,
            debt=after.debt,
            factor_owes=after.factor_owes,
            with_factor=after.with_factor,
            given_back_by=after.given_back_by,
            deb_file_id=None,
            changes=(change,),
            changed_at=at,
        )


@dataclass(frozen=True, slots=True)
class DebFileBooked:
    """A DEB file was worked to its end."""

    practice_id: UUID
    deb_file_id: UUID
    contract_id: UUID
    rows_read: int
    booked: int
    repeats: int
    parked: int
    booked_at: datetime


@dataclass(frozen=True, slots=True)
class DebFileHeld:
    """A whole DEB file is held; nothing of it was booked."""

    practice_id: UUID
    deb_file_id: UUID
    contract_id: UUID
    reason_code: str
    line: int | None
    held_at: datetime


@dataclass(frozen=True, slots=True)
class DebFileReleased:
    """A person let a held DEB file go; it is read and judged again."""

    practice_id: UUID
    deb_file_id: UUID
    contract_id: UUID
    reason_code: str
    released_at: datetime


@dataclass(frozen=True, slots=True)
class DebFileDiscarded:
    """A held DEB file will never be booked.

    Attributes:
        superseded_by: the other version of it that is booked; None: a person discarded it.
    """

    practice_id: UUID
    deb_file_id: UUID
    contract_id: UUID
    reason_code: str
    superseded_by: UUID | None
    discarded_at: datetime


@dataclass(frozen=True, slots=True)
class DebFileUndone:
    """A booked DEB file was undone, as far as that is possible.

    Attributes:
        undone: rows that were booked or parked, and are no more.
        kept: booked rows that could not be undone, for a reason that is kept.
        debt_change, factor_change: what this undoing changed of all D and of all P.
    """

    practice_id: UUID
    deb_file_id: UUID
    contract_id: UUID
    rows_read: int
    booked: int
    repeats: int
    parked: int
    undone: int
    kept: int
    debt_change: Money
    factor_change: Money
    undone_at: datetime


@dataclass(frozen=True, slots=True)
class DebRowParked:
    """One row waits for a person."""

    practice_id: UUID
    deb_file_id: UUID
    contract_id: UUID
    line: int
    kind: str | None
    reason_code: str
    amount: Money | None
    parked_at: datetime


@dataclass(frozen=True, slots=True)
class DunningBrakeChanged:
    """Whether a practice may run reminders has changed, or why not; no brake: it may."""

    practice_id: UUID
    brakes: tuple[Brake, ...]
    changed_at: datetime


DebFileEvent: TypeAlias = (
    DebFileBooked | DebFileHeld | DebFileReleased | DebFileDiscarded | DebFileUndone | DebRowParked
)
DomainEvent: TypeAlias = (
    InvoiceAcquitted | OrderAcquitted | InvoicePositionChanged | DunningBrakeChanged | DebFileEvent
)
