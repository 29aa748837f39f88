"""Bodies and queries of the reconciliation API."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, model_validator

from shared.contracts.envelope import WireMoney
from shared.contracts.reconciliation.v1 import DebtorBalance
from shared.web.endpoints import ApiModel
from shared.web.paging import Page, PageQuery, Several, Totals

FileStatus = Literal[
    "fetched", "staged", "booked", "held", "discarded", "undoing", "undone", "partly-undone"
]
RowStatus = Literal["staged", "booked", "repeat", "parked", "undone"]


class AcquittalsQuery(PageQuery):
    """Which acquittals."""

    order_id: UUID | None = None


class PositionsQuery(PageQuery):
    """Which positions."""

    with_factor: bool | None = None


class BalancesQuery(ApiModel):
    """Balances at the end of which day; left out: today."""

    at: Annotated[date | None, Field(description="The day; left out: today")] = None
    on: Annotated[date | None, Field(description="Another word for `at`")] = None

    @model_validator(mode="after")
    def _one_day(self) -> BalancesQuery:
        if self.at and self.on and self.at != self.on:
            raise ValueError("at and on name two days")
        return self

    @property
    def day(self) -> date | None:
        """The day that is meant."""
        return self.at or self.on


class FilesQuery(PageQuery):
    """Which DEB files."""

    status: Several[FileStatus]


class RowsQuery(PageQuery):
    """Which rows of a file."""

    status: Several[RowStatus]


class ParkedQuery(PageQuery):
    """Which parked rows."""

    reason_code: Several[Annotated[str, Field(pattern=r"^[a-z0-9-]{1,64}$")]]


class OrderAcquittalReply(ApiModel):
    """What acquitting an order led to; `already`: it had been acquitted before.

    `invoice_count` and `total` are of what is acquitted; `set_aside` counts the accepted lines that
    wait for a person, or that a person left.
    """

    order_id: UUID
    invoice_count: int
    total: WireMoney
    acquitted_on: date
    already: bool
    set_aside: int


class AcquittalReply(ApiModel):
    """One invoice acquitted against the factor account; `decided_by`: the person, if one did."""

    invoice_id: UUID
    invoice_number: str
    order_id: UUID
    order_number: str
    contract_id: UUID
    amount: WireMoney
    ledger_account: str
    label: str
    acquitted_on: date
    journal_entry_id: UUID
    journal_number: int
    live: bool
    decided_by: str | None


class AcquittalTotals(Totals):
    """How many acquittals there are, and what they come to."""

    amount: WireMoney | None


class AcquittalList(Page):
    """A page of acquittals, in the order of the journal."""

    items: list[AcquittalReply]
    totals: AcquittalTotals | None


class PositionReply(ApiModel):
    """An invoice's two running positions.

    `debtor_owes`: D. `factor_owes`: P. `with_factor`: the asterisk. `paid`: D is zero.
    """

    invoice_id: UUID
    invoice_number: str
    debtor_number: str
    contract_id: UUID | None
    order_id: UUID | None
    order_number: str | None
    issued_on: date
    due_on: date
    total: WireMoney
    deposit: WireMoney
    debtor_owes: DebtorBalance
    factor_owes: WireMoney
    with_factor: bool
    paid: bool


class PositionTotals(Totals):
    """How many positions there are, and what debtors and factor owe on them."""

    total: WireMoney | None
    debtor_owes: WireMoney | None
    factor_owes: WireMoney | None


class PositionList(Page):
    """A page of positions, by invoice number."""

    items: list[PositionReply]
    totals: PositionTotals | None


class PostingReply(ApiModel):
    """One posting: debit positive, credit negative."""

    line: int
    account: str
    role: str
    amount: WireMoney
    invoice_id: UUID | None
    confirmed_order_id: UUID | None


class EntryReply(ApiModel):
    """One journal entry; its postings add up to zero."""

    number: int
    entry_id: UUID
    entry_date: date
    kind: str
    label: str
    order_id: UUID | None
    deb_file_id: UUID | None
    file_id: str | None
    deb_line: int | None
    previous_hash: str
    entry_hash: str
    postings: list[PostingReply]


class JournalPage(Page):
    """A page of the journal, by number."""

    items: list[EntryReply]


class BalanceReply(ApiModel):
    """What one account took up to a day; `balance` is debit less credit."""

    account: str
    role: str
    name: str
    debit: WireMoney
    credit: WireMoney
    balance: WireMoney


class BalanceSheet(ApiModel):
    """All balances at the end of a day; `total` is 0.00 or the books are wrong."""

    on: date
    accounts: list[BalanceReply]
    debit: WireMoney
    credit: WireMoney
    total: WireMoney


class ReleaseReply(ApiModel):
    """Whether a person may release a held file, and what the reason means."""

    release: Literal["accept", "read-again", "never"]
    explanation: str


class DebFileReply(ApiModel):
    """A DEB file and what became of it.

    `review`: awaited while a person has to have it booked. `release`: what releasing it would do,
    while it is held. `anew_of`: the undone file whose bytes it is. `undone`: rows no longer booked.
    `superseded_by`: the version that was booked in its place. `set_aside_since`: since when booking
    or undoing it fails again and again.
    """

    deb_file_id: UUID
    contract_id: UUID
    status: FileStatus
    file_id: str | None
    previous_file_id: str | None
    portal_file_id: str
    layout: str
    content_sha256: str
    size_bytes: int
    created_on: date | None
    fetched_at: datetime
    deliveries: int
    reason_code: str | None
    reason_line: int | None
    reason_detail: str | None
    waits_because: str | None
    rows_read: int | None
    booked: int | None
    repeats: int | None
    parked: int | None
    undone: int
    review: Literal["awaited", "given"] | None
    anew_of: UUID | None
    superseded_by: UUID | None
    set_aside_since: datetime | None
    release: ReleaseReply | None
    finished_at: datetime | None


class DebFileList(Page):
    """A page of DEB files, newest first."""

    items: list[DebFileReply]


class RowPlaceReply(ApiModel):
    """Where a row stands."""

    deb_file_id: UUID
    line: int


class RowDecisionRequest(ApiModel):
    """What a person decides about a parked row, and why; `invoice_id` only to book on it."""

    decision: Literal["book-on-invoice", "leave", "reopen"]
    invoice_id: UUID | None = None
    reason: Annotated[str, Field(min_length=3, max_length=300, pattern=r"\S")]


class RowDecisionReply(ApiModel):
    """What a person decided about a parked row: who, when, why."""

    decision: Literal["book-on-invoice", "leave"]
    invoice_id: UUID | None
    reason: str
    parked_because: str
    decided_by: str
    decided_at: datetime


class SuggestionReply(ApiModel):
    """An invoice that a parked row may mean; `because` says what speaks for it."""

    invoice_id: UUID
    invoice_number: str
    debtor_number: str
    debtor_owes: DebtorBalance
    factor_owes: WireMoney
    with_factor: bool
    because: list[Literal["same-number", "similar-number", "same-debtor", "same-amount"]]


class SuggestionList(ApiModel):
    """At most five invoices, best first; nothing is booked by it."""

    items: list[SuggestionReply]


class DebRowReply(ApiModel):
    """One row of a DEB file, as read, and what became of it; `row_id`: once it was parked."""

    row_id: UUID | None
    decision: RowDecisionReply | None

    deb_file_id: UUID
    file_id: str | None
    line: int
    status: RowStatus
    reason_code: str | None
    reason_detail: str | None
    raw: str
    record_id: str | None
    kind: str | None
    invoice_id: UUID | None
    invoice_number: str | None
    order_number: str | None
    debtor_number: str | None
    event_date: date | None
    value_date: date | None
    amount: WireMoney | None
    currency: str | None
    payout_reference: str | None
    beneficiary: str | None
    level: int | None
    note: str | None
    repeat_of: RowPlaceReply | None
    journal_number: int | None
    decided_at: datetime | None


class DebRowTotals(Totals):
    """How many rows there are, and what the amounts that could be read come to."""

    amount: WireMoney | None


class DebRowList(Page):
    """A page of rows."""

    items: list[DebRowReply]
    totals: DebRowTotals | None


class BooksCheckReply(ApiModel):
    """Whether the books hold; `detail` says in plain words what does not."""

    balanced: bool
    entries: int
    postings: int
    hash_chain_intact: bool
    factor_account_matches_positions: bool
    positions_match_facts: bool
    rows_add_up: bool
    rows_match_facts: bool
    closed_periods_unchanged: bool
    detail: list[str]
