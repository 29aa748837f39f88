"""Bodies and queries of the part of the reconciliation API about periods and the dunning brake."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from services.reconciliation.domain.dunning import BrakeReason
from shared.contracts.envelope import WireMoney
from shared.web.endpoints import ApiModel
from shared.web.paging import Page, PageQuery, Several, Totals

Reason = Annotated[str, Field(min_length=1, max_length=500, pattern=r"\S")]


class PeriodRequest(ApiModel):
    """Up to which day, included, and why."""

    until: date
    reason: Reason


class ClosingBalanceReply(ApiModel):
    """An account at the end of the closed day; the balance is debit less credit."""

    account: str
    debit: WireMoney
    credit: WireMoney
    balance: WireMoney


class PeriodReply(ApiModel):
    """One closing or reopening, as it is kept."""

    closing_id: UUID
    place: int
    action: Literal["close", "reopen"]
    until: date
    closed_until: Annotated[
        date | None, Field(description="Up to when the books were closed after it; null: open")
    ]
    reason: str
    decided_by: str
    decided_at: datetime
    in_force: Annotated[bool, Field(description="A closing that nobody reopened")]
    reopens: UUID | None
    last_entry_number: Annotated[
        int | None, Field(description="Of a closing: the last entry of the journal at that moment")
    ]
    last_entry_hash: str | None
    balances: list[ClosingBalanceReply]


class PeriodOutcomeReply(PeriodReply):
    """What closing or reopening led to; `already`: it was so before, nothing was changed now."""

    already: bool


class PeriodList(Page):
    """Closings and reopenings, the last one first."""

    closed_until: Annotated[
        date | None, Field(description="Up to when the books are closed now; null: all are open")
    ]
    items: list[PeriodReply]


class BrakeReply(ApiModel):
    """One reason why reminders have to wait."""

    reason_code: Literal[
        "order-unconfirmed",
        "deb-file-late",
        "no-deb-file-yet",
        "deb-file-held",
        "deb-file-awaits-review",
        "deb-file-set-aside",
        "rows-parked",
    ]
    count: Annotated[
        int, Field(description="Orders, files or rows; of late or missing DEB files: contracts")
    ]
    amount: Annotated[
        WireMoney | None, Field(description="Of parked rows, added up whatever their signs")
    ]
    since: Annotated[
        date | None, Field(description="Day of the oldest order, or of the last DEB file")
    ]


class DunningQuery(PageQuery):
    """Verdicts about which practices, and which verdicts."""

    practice_id: Annotated[
        list[UUID],
        Field(default_factory=list, max_length=300, description="Of these; none: of all"),
    ]
    contract_id: Annotated[
        list[UUID],
        Field(
            default_factory=list,
            max_length=300,
            description="Of the practices that have one of these contracts; none: of all",
        ),
    ]
    released: Annotated[
        bool | None, Field(description="true: those that may remind; false: those that may not")
    ] = None
    reason_code: Several[BrakeReason]


class DunningReply(ApiModel):
    """Whether a practice may run reminders."""

    practice_id: UUID
    released: bool
    reasons: list[BrakeReply]
    deb_days_max: Annotated[int, Field(description="A DEB file that is more days old is late")]


class DunningList(Page):
    """The verdicts about all practices that are open to the caller, by practice."""

    items: list[DunningReply]


class OwnInvoiceReply(ApiModel):
    """A past-due invoice that is the practice's own to remind."""

    invoice_id: UUID
    invoice_number: str
    debtor_number: str
    issued_on: date
    due_on: date
    days_overdue: int
    owed: WireMoney
    given_back: Annotated[bool, Field(description="The factor had it and gave it back")]


class OwnInvoiceTotals(Totals):
    """How many invoices there are, and what is owed for them."""

    owed: WireMoney | None


class OwnInvoiceList(Page):
    """Invoices that the practice itself may remind, the longest overdue first."""

    released: Annotated[bool, Field(description="Whether reminders may be run at all now")]
    totals: OwnInvoiceTotals | None
    items: list[OwnInvoiceReply]
