"""Bodies and queries of the orders API."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, Field, model_validator

from services.orders.domain.communication import COMMUNICATION_CHARACTERS_MAX
from services.orders.domain.notices import (
    INSTALMENTS_MAX,
    INSTALMENTS_MIN,
    NOTICE_TEXT_CHARACTERS_MAX,
    NOTICES_MAX,
    NoticeCode,
)
from services.orders.domain.order import INVOICES_PER_ORDER_MAX, FactKind, OrderState
from services.orders.domain.selection import Reason
from shared.contracts.envelope import Code, WireMoney
from shared.web.endpoints import ApiModel
from shared.web.paging import Page, PageQuery, Totals

Day = date  # a field of that name would hide the type


class OrderableInvoicesQuery(PageQuery):
    """Which invoices to judge, and for which contract."""

    contract_id: Annotated[
        UUID | None, Field(description="The order's contract; left out: each invoice's own")
    ] = None
    exclude_zero_balance: bool = True
    only_orderable: bool = False


class Refusal(ApiModel):
    """The latest refusal of an invoice by the factor; it may be ordered again all the same."""

    order_number: str
    refusal_code: str


class Remedy(ApiModel):
    """An operation after which the invoice can be ordered."""

    service: Annotated[str, Field(description="The service whose API has it")]
    operation_id: str


class OrderableInvoice(ApiModel):
    """An invoice, and whether it may be ordered."""

    invoice_id: UUID
    invoice_number: str
    debtor_number: str
    contract_id: UUID | None
    issued_on: date
    due_on: date
    total: WireMoney
    balance: WireMoney
    orderable: bool
    reason_code: Reason | None
    unfit_codes: list[str]
    remedy: Annotated[Remedy | None, Field(description="What helps, where something does")]
    live_order_number: str | None
    last_refusal: Refusal | None


class OrderableTotals(Totals):
    """How many invoices there are, what is owed on them, and how much of it may be ordered."""

    balance: WireMoney | None
    orderable_count: int | None
    orderable: WireMoney | None


class OrderableInvoices(Page):
    """A page of invoices."""

    items: list[OrderableInvoice]
    totals: OrderableTotals | None


class NoticeBody(ApiModel):
    """One structured reason for the factor; which members belong to which code is documented."""

    code: NoticeCode
    count: Annotated[int | None, Field(ge=INSTALMENTS_MIN, le=INSTALMENTS_MAX)] = None
    amount: WireMoney | None = None
    date: Day | None = None
    text: Annotated[str | None, Field(min_length=1, max_length=NOTICE_TEXT_CHARACTERS_MAX)] = None


Notices = Annotated[tuple[NoticeBody, ...], Field(max_length=NOTICES_MAX)]


class InvoiceNoticesBody(ApiModel):
    """What the factor is told of one invoice's debtor."""

    invoice_id: UUID
    notices: Annotated[list[NoticeBody], Field(min_length=1, max_length=NOTICES_MAX)]


class RuleBody(ApiModel):
    """Which of everything orderable is taken; every part that is given must hold."""

    older_than_days: Annotated[
        int | None, Field(ge=0, le=3650, description="Issued more than so many days ago")
    ] = None
    amount_above: Annotated[
        WireMoney | None, Field(description="With an open balance above this")
    ] = None


class PrepareOrderBody(ApiModel):
    """What to order: the chosen invoices, or everything, or what a rule says of everything."""

    contract_id: UUID
    invoice_ids: Annotated[
        list[UUID] | None,
        Field(
            min_length=1,
            max_length=INVOICES_PER_ORDER_MAX,
            description="null: everything of the contract that may be ordered",
        ),
    ] = None
    rule: RuleBody | None = None
    communication: Annotated[str, Field(max_length=COMMUNICATION_CHARACTERS_MAX)] = ""
    notices: Notices = ()
    invoice_notices: Annotated[
        tuple[InvoiceNoticesBody, ...], Field(max_length=INVOICES_PER_ORDER_MAX)
    ] = ()

    @model_validator(mode="after")
    def _is_not_two_choices(self) -> PrepareOrderBody:
        if self.invoice_ids is not None and self.rule is not None:
            raise ValueError("choose invoices or give a rule, not both")
        named = {each.invoice_id for each in self.invoice_notices}
        if len(named) != len(self.invoice_notices):
            raise ValueError("an invoice is named twice in invoice_notices")
        return self


class Package(ApiModel):
    """The frozen package: these bytes are sent, and sent again if need be."""

    sha256: str
    size_bytes: int
    kept_until: Annotated[date, Field(description="It must be in the archive up to this day")]


class LeftOutInvoice(ApiModel):
    """An invoice that stayed behind, and why."""

    invoice_id: UUID
    invoice_number: str
    reason_code: Reason
    unfit_codes: list[str]
    remedy: Annotated[Remedy | None, Field(description="What helps, where something does")]


class LeftOutCount(ApiModel):
    """How many invoices stayed behind for one reason."""

    reason_code: Reason
    count: int


class CreditNoteAlong(ApiModel):
    """A credit note in an order. It is no part of the order's total."""

    credit_note_id: UUID
    credit_note_number: str
    invoice_number: str
    debtor_number: str
    amount: WireMoney


CreditNotesAlong = Annotated[
    list[CreditNoteAlong], Field(description="By number; at most the first 1000")
]


class PreparedOrderReply(ApiModel):
    """The order as it was frozen."""

    order_id: UUID
    order_number: str
    contract_id: UUID
    state: OrderState
    invoice_count: int
    total: WireMoney
    communication: str
    notices: list[NoticeBody]
    package: Package
    credit_note_count: int
    credit_notes: CreditNotesAlong
    left_out_count: int
    left_out_by_reason: list[LeftOutCount]
    left_out: Annotated[list[LeftOutInvoice], Field(description="At most the first 1000")]
    prepared_at: datetime


class OrderSummary(ApiModel):
    """An order in a list. What was accepted is null before the confirmation."""

    order_id: UUID
    order_number: str
    contract_id: UUID
    state: OrderState
    since: Annotated[datetime, Field(description="When the state began")]
    overdue: Annotated[bool, Field(description="Whether it should have arrived by now")]
    arrival_deadline: Annotated[
        datetime | None,
        Field(description="By when it must arrive; null: not on its way, or sent just now"),
    ]
    invoice_count: int
    total: WireMoney
    accepted_count: int | None
    accepted_total: WireMoney | None
    refused_count: int | None
    prepared_at: datetime


class OrderTotals(Totals):
    """How many orders there are, what they come to, and what of it was accepted."""

    total: WireMoney | None
    accepted: WireMoney | None


class OrderList(Page):
    """A page of orders, newest first."""

    items: list[OrderSummary]
    totals: OrderTotals | None


class TimelineEntry(ApiModel):
    """One fact about an order, in plain words."""

    kind: FactKind
    at: datetime
    text: str
    attempt: int | None
    reason_code: str | None
    reference: str | None
    next_attempt_at: datetime | None


class InvoiceNotices(ApiModel):
    """What the factor is told of one invoice's debtor."""

    invoice_id: UUID
    invoice_number: str
    notices: list[NoticeBody]


class ObservationReply(ApiModel):
    """What a person saw of the order at the factor."""

    seen_by: str
    observed_at: datetime
    reference: str
    seen: str
    recorded_at: datetime


class OrderDetail(OrderSummary):
    """One order with its story."""

    communication: str
    notices: list[NoticeBody]
    invoice_notices: Annotated[
        list[InvoiceNotices], Field(description="At most the first 1000 invoices that have some")
    ]
    withdrawal_pending: Annotated[
        bool, Field(description="Asked for back; the gateway has not answered yet")
    ]
    observation: ObservationReply | None
    package: Package
    credit_note_count: int
    credit_notes: CreditNotesAlong
    timeline: list[TimelineEntry]


class OrderLineReply(ApiModel):
    """A line of an order. `outcome` is "open" until the order has arrived or was withdrawn."""

    place: int
    invoice_id: UUID
    invoice_number: str
    debtor_number: str
    amount: WireMoney
    document_sha256: str
    outcome: Annotated[str, Field(pattern="^(open|accepted|refused|withdrawn)$")]
    refusal_code: str | None
    notices: list[NoticeBody]


class WithdrawOrderBody(ApiModel):
    """A person's word that goes with the wish to have an order back."""

    handed_over_by_hand: Annotated[
        bool, Field(description="Whether the package went to the factor by another way")
    ]


class LineRefusal(ApiModel):
    """One invoice that the factor refused."""

    invoice_number: Annotated[str, Field(min_length=1, max_length=35)]
    refusal_code: Code


class ConfirmArrivalBody(ApiModel):
    """What a person saw of the order at the factor; who they are comes from their token."""

    observed_at: AwareDatetime
    reference: Annotated[
        str,
        Field(
            pattern=r"^[^\x00-\x1f\x7f]{1,100}$",
            description="What the factor calls it; goes to the other services, so no names",
        ),
    ]
    seen: Annotated[
        str,
        Field(min_length=1, max_length=1000, description="In your own words; kept as evidence"),
    ]
    refusals: Annotated[tuple[LineRefusal, ...], Field(max_length=INVOICES_PER_ORDER_MAX)] = ()

    @model_validator(mode="after")
    def _names_no_invoice_twice(self) -> ConfirmArrivalBody:
        if len({each.invoice_number for each in self.refusals}) != len(self.refusals):
            raise ValueError("an invoice is named twice in refusals")
        return self


class OrderLineTotals(Totals):
    """How many lines there are, and what they come to."""

    amount: WireMoney | None


class OrderLines(Page):
    """A page of lines, in package order."""

    items: list[OrderLineReply]
    totals: OrderLineTotals | None
