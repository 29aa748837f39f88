"""What handlers and stores hand each other about DEB files: claims, counts, parked rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from services.reconciliation.domain.deb.records import DebRow
from services.reconciliation.domain.model import Content
from shared.kernel.context import WorkContext


@dataclass(frozen=True, slots=True)
class ClaimedFile:
    """A DEB file that this worker may work until its lease ends.

    Attributes:
        is_staged: whether it was read and found whole; what remains is booking.
        received_at: when its fetching became known here.
        fetched_on: the day in Zurich on which it was fetched.
        created_on: from the header, or by the layout's rule, but no later than it was fetched;
            None until staged.
        is_undoing: whether it was booked, and a person wants it undone.
        lease_token: proves the claim; another worker's claim invalidates it.
        work: what set the file's fetching in motion; what it leads to carries the same ids.
    """

    deb_file_id: UUID
    practice_id: UUID
    contract_id: UUID
    layout: str
    content: Content
    received_at: datetime
    fetched_on: date
    is_staged: bool
    created_on: date | None
    attempts: int
    lease_token: UUID
    work: WorkContext
    is_undoing: bool = False


@dataclass(frozen=True, slots=True)
class Unbooked:
    """The file that comes before another by the factor's count: it is here, but not booked yet."""

    file_id: str


@dataclass(frozen=True, slots=True)
class RowCounts:
    """What became of a file's rows."""

    rows_read: int
    booked: int
    repeats: int
    parked: int


@dataclass(frozen=True, slots=True)
class ParkedRow:
    """A row that a person may decide about.

    Attributes:
        created_on: of its file, but no later than that was fetched.
        invoice_id: what it was matched with, if anything.
        is_parked: whether it is so still; what it waited for may have brought it back, or its file
            may be undone.
        decision: what a person decided about it, as far as that holds.
        decisions: how many decisions there were.
    """

    row_id: UUID
    practice_id: UUID
    deb_file_id: UUID
    contract_id: UUID
    created_on: date
    row: DebRow
    invoice_id: UUID | None
    is_parked: bool
    decision: str | None
    decisions: int


@dataclass(frozen=True, slots=True)
class RowDecision:
    """What a person decided about a parked row, and why."""

    row_id: UUID
    decision: str
    invoice_id: UUID | None
    reason: str
    decided_by: str
    decided_at: datetime
