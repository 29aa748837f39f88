"""Bodies and queries of the part of the reconciliation API about the queue of exceptions."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from services.reconciliation.views.exception_kinds import KINDS
from shared.contracts.envelope import WireMoney
from shared.web.endpoints import ApiModel
from shared.web.paging import Page, PageQuery, Several, Totals

KindName = Annotated[str, Field(pattern=f"^({'|'.join(kind.name for kind in KINDS)})$")]
Words = Annotated[str, Field(min_length=3, max_length=500, pattern=r"\S")]
_DAYS_MAX = 3650


class ExceptionsQuery(PageQuery):
    """Which items, and in which order."""

    practice_id: Annotated[
        frozenset[UUID] | None,
        Field(max_length=100, description="Of these practices; left out: of all that are open"),
    ] = None
    kind: Annotated[frozenset[KindName] | None, Field(description="Of these kinds")] = None
    reason_code: Several[Annotated[str, Field(min_length=1, max_length=100)]]
    assignee: Annotated[str | None, Field(max_length=200)] = None
    unassigned: Annotated[bool, Field(description="Only those that are nobody's")] = False
    minimum_amount: Annotated[
        str | None,
        Field(
            pattern=r"^\d{1,12}\.\d{2}$",
            description="At stake at least this many francs; without it also unknown amounts",
        ),
    ] = None
    older_than_days: Annotated[int | None, Field(ge=0, le=_DAYS_MAX)] = None
    by: Annotated[
        Literal["oldest", "amount"], Field(description="The oldest or the largest first")
    ] = "oldest"


class ActionReply(ApiModel):
    """An operation that deals with an item."""

    service: Annotated[str, Field(description="The service whose API has it")]
    operation_id: str
    choices: Annotated[
        list[str], Field(description="What it lets choose and is possible; empty: no choice")
    ]


class AboutReply(ApiModel):
    """What an item is about; what does not apply is null."""

    order_id: UUID | None
    order_number: str | None
    invoice_id: UUID | None
    invoice_number: str | None
    deb_file_id: UUID | None
    deb_file_name: Annotated[str | None, Field(description="As the factor or the portal calls it")]
    deb_line: int | None
    row_id: Annotated[UUID | None, Field(description="Of a row that is or was parked")]
    bank_account_id: UUID | None
    bank_entry_id: UUID | None
    payout_id: UUID | None
    payout_reference: Annotated[str | None, Field(description="As the factor writes it")]
    service: Annotated[str | None, Field(description="Whose dead letter it is")]
    event_id: Annotated[UUID | None, Field(description="Of the event that is the dead letter")]


class ExceptionReply(ApiModel):
    """One item of the queue."""

    item: Annotated[str, Field(description="Its id: kind and what it is about; never changes")]
    kind: str
    reason_code: Annotated[str | None, Field(description="Null once the reason has gone")]
    words: Annotated[str, Field(description="What is wrong, for a person")]
    since: datetime
    age_days: Annotated[int, Field(description="Whole days since then")]
    amount: Annotated[WireMoney | None, Field(description="At stake; null: not known")]
    practice_ids: Annotated[
        list[UUID], Field(description="Whose it is; several share a bank account")
    ]
    contract_id: UUID | None
    about: AboutReply
    assignee: str | None
    may_be_closed: Annotated[bool, Field(description="False: it ends only by being dealt with")]
    actions: Annotated[list[ActionReply], Field(description="What deals with it")]


class KindTotal(ApiModel):
    """What is open of one kind."""

    kind: str
    count: int
    amount: Annotated[WireMoney, Field(description="Sum of the amounts that are known")]


class QueueTotals(Totals):
    """How many items the whole choice has, what is at stake, and both by kind."""

    amount: WireMoney
    by_kind: list[KindTotal]


class ExceptionList(Page):
    """A page of open items."""

    items: list[ExceptionReply]
    totals: QueueTotals | None


class HistoryReply(ApiModel):
    """One line of an item's history."""

    event: Literal["opened", "assigned", "noted", "changed", "reopened", "resolved", "closed"]
    at: datetime
    by: Annotated[str | None, Field(description="The person; null: it happened by itself")]
    why: str
    assignee: Annotated[str | None, Field(description="To whom it was assigned; null: to nobody")]


class ExceptionDetail(ExceptionReply):
    """One item with its history, oldest first."""

    open: Annotated[bool, Field(description="Whether it is in the queue")]
    history: list[HistoryReply]


class AssignRequest(ApiModel):
    """Whose an item is to be."""

    assignee: Annotated[
        Annotated[str, Field(min_length=1, max_length=200, pattern=r"\S")] | None,
        Field(description="The subject of a person's token; null: nobody's again"),
    ]
    why: Annotated[str, Field(max_length=500)] = ""


class NoteRequest(ApiModel):
    """A note to an item."""

    note: Words


class CloseRequest(ApiModel):
    """Why an item is closed."""

    reason: Words
