"""Bodies and queries of the part of the API that is about the life of a DEB file."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from services.reconciliation.entrypoints.schemas import (
    DebFileReply,
    DebRowReply,
    DebRowTotals,
    PostingReply,
)
from shared.contracts.envelope import WireMoney
from shared.contracts.reconciliation.v1 import DebtorBalance
from shared.web.endpoints import ApiModel
from shared.web.paging import Page, PageQuery, Several, Totals

UndoOutcome = Literal["undone", "kept", "withdrawn"]
Reason = Annotated[str, Field(min_length=3, max_length=300, pattern=r"\S")]


class BookRequest(ApiModel):
    """A person lets a file be booked; the note is kept."""

    note: Annotated[str, Field(max_length=300)] = ""


class ReasonRequest(ApiModel):
    """Why a person decides so; it is kept."""

    reason: Reason


class DebFileDecisionReply(ApiModel):
    """The file after the decision; `already`: it had been decided so before, nothing changed."""

    already: bool
    file: DebFileReply


class BookPosition(ApiModel):
    """What debtor and factor owe, and the asterisk."""

    debtor_owes: DebtorBalance
    factor_owes: WireMoney
    with_factor: bool


class PreviewPosting(ApiModel):
    """One posting that booking would make: debit positive, credit negative."""

    account: str
    role: str
    amount: WireMoney


class PreviewRow(ApiModel):
    """What booking would do with one row; `before` and `after` of its invoice."""

    line: int
    outcome: Literal["booked", "repeat", "parked"]
    record_id: str | None
    kind: str | None
    invoice_number: str | None
    amount: WireMoney | None
    reason_code: str | None
    reason_detail: str | None
    repeat_of_file: UUID | None
    repeat_of_line: int | None
    before: BookPosition | None
    after: BookPosition | None
    postings: list[PreviewPosting]


class PreviewAccount(ApiModel):
    """What booking the whole file would do to one account."""

    account: str
    role: str
    debit: WireMoney
    credit: WireMoney


class PreviewKind(ApiModel):
    """What booking all rows of one kind would do."""

    kind: str
    rows: int
    amount: WireMoney
    debtor_change: WireMoney
    factor_change: WireMoney


class PreviewTotals(Totals):
    """How many rows the file has, and what those come to that would be booked."""

    amount: WireMoney | None


class PreviewReply(Page):
    """What booking the file would do on the books of this moment; counts and sums of the whole."""

    deb_file_id: UUID
    rows_read: int
    booked: int
    repeats: int
    parked: int
    accounts: list[PreviewAccount]
    kinds: list[PreviewKind]
    items: list[PreviewRow]
    totals: PreviewTotals | None


class UndoQuery(PageQuery):
    """Which rows of an undoing."""

    outcome: Several[UndoOutcome]


class UndoRow(ApiModel):
    """What undoing did to a row; `repeated_in_*`: a later file says the same, not booked."""

    line: int
    outcome: UndoOutcome
    reason_code: str | None
    reason_detail: str | None
    record_id: str | None
    kind: str | None
    invoice_number: str | None
    amount: WireMoney | None
    entry_id: UUID | None
    journal_number: int | None
    repeated_in_file: UUID | None
    repeated_in_line: int | None


class UndoReport(Page):
    """The latest undoing of a file; rows read = booked + repeats + parked + undone."""

    deb_file_id: UUID
    status: str
    rows_read: int
    booked: int
    repeats: int
    parked: int
    undone: int
    undone_now: int
    kept: int
    withdrawn: int
    debtor_change: WireMoney
    factor_change: WireMoney
    decided_by: str
    decided_at: datetime
    reason: str
    items: list[UndoRow]
    totals: DebRowTotals | None


class RowRule(ApiModel):
    """The line of the posting table by which a fact was booked (docs/accounting.md).

    `case`: what stands there under "for", of a kind that has several lines; null: whoever it is.
    """

    kind: str
    case: str | None
    label: str
    amount: str
    debtor: str
    factor: str


class CollidingRow(ApiModel):
    """The earlier row that this one repeats or contradicts."""

    deb_file_id: UUID
    file_id: str | None
    portal_file_id: str
    line: int
    raw: str
    status: str


class RowFact(ApiModel):
    """One fact of the row, with its journal entry where it touched the practice's book."""

    fact_id: UUID
    kind: str
    fact_date: date
    note: str
    debtor_change: DebtorBalance
    factor_change: WireMoney
    entry_id: UUID | None
    journal_number: int | None
    entry_date: date | None
    postings: list[PostingReply]


class RowUndoing(ApiModel):
    """What an undoing of the file did to the row, and who wanted it."""

    outcome: UndoOutcome
    reason_code: str | None
    reason_detail: str | None
    reason: str
    decided_by: str
    decided_at: datetime


class FileDecisionReply(ApiModel):
    """What a person decided about the whole file."""

    decision: Literal["book", "hold", "release", "discard", "retry", "undo", "book-anew"]
    reason: str
    decided_by: str
    decided_at: datetime


class RowExplanation(ApiModel):
    """Why a row is what it is: as read, the rule, the facts, what it collides with, and persons."""

    row: DebRowReply
    portal_file_id: str
    occurrence: Annotated[
        int | None, Field(description="Without a record id: the how-manieth equal row of its file")
    ]
    rule: RowRule | None
    collides_with: CollidingRow | None
    facts: list[RowFact]
    undoings: list[RowUndoing]
    file_decisions: list[FileDecisionReply]
