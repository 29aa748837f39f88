"""Bodies of the API about one position: why it is what it is, and what it was on a past day."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from services.reconciliation.entrypoints.deb_file_schemas import RowRule
from services.reconciliation.entrypoints.schemas import PositionReply, PostingReply
from shared.contracts.envelope import WireMoney
from shared.contracts.reconciliation.v1 import DebtorBalance
from shared.web.endpoints import ApiModel
from shared.web.paging import CURSOR_CHARACTERS_MAX


class HistoryQuery(ApiModel):
    """Which part of a position's history."""

    limit: Annotated[int, Field(ge=1, le=500)] = 500
    after: Annotated[
        str | None,
        Field(max_length=CURSOR_CHARACTERS_MAX, description="`next` of the answer before"),
    ] = None


class FactSource(ApiModel):
    """Where a fact was read: DEB file, line and record id."""

    deb_file_id: UUID
    file_id: str | None
    portal_file_id: str
    line: int
    record_id: str | None


class FactEvidence(ApiModel):
    """What a fact rests on, and when that was observed.

    `kind`: `portal-status`, `already-have-it` or `person` of an order's arrival; `deb-file`; or
    `invoice`, of what the practice itself did to its invoice.
    """

    kind: str
    reference: str
    observed_at: datetime | None


class FactPerson(ApiModel):
    """The person whose decision a fact rests on."""

    decision: Literal["acquit", "leave", "reopen", "book-on-invoice", "book", "undo"]
    by: str
    at: datetime
    reason: str | None


class FactReply(ApiModel):
    """One fact: what happened, what it did to D and P, by which rule, and what it rests on.

    `postings`: of its journal entry. `person`: null where nobody had to decide.
    """

    kind: str
    event_date: date
    amount: WireMoney | None
    debtor_change: DebtorBalance
    factor_change: WireMoney
    order_id: UUID | None
    order_number: str | None
    journal_entry_id: UUID | None
    journal_number: int | None
    entry_date: date | None
    source: FactSource | None
    note: str
    rule: RowRule | None
    postings: list[PostingReply]
    evidence: FactEvidence
    person: FactPerson | None


class PositionDetail(PositionReply):
    """A position with what led to it, oldest first; `next`: there is more of its history."""

    history: list[FactReply]
    next: Annotated[
        str | None, Field(description="Give it as `after` for what follows; null: nothing does")
    ]


class PositionAt(ApiModel):
    """What debtor and factor owed on an invoice at the end of a day."""

    invoice_id: UUID
    invoice_number: str
    on: date
    debtor_owes: DebtorBalance
    factor_owes: WireMoney


class PositionsAt(ApiModel):
    """What debtors and factor owed at the end of a day; `invoices`: of which anything is known."""

    on: date
    invoices: int
    debtor_owes: DebtorBalance
    factor_owes: WireMoney
