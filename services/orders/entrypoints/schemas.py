"""Bodies and queries of the orders API."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from services.orders.domain.communication import COMMUNICATION_CHARACTERS_MAX
from services.orders.domain.order import INVOICES_PER_ORDER_MAX, FactKind, OrderState
from services.orders.domain.selection import Reason
from shared.contracts.envelope import WireMoney
from shared.web.endpoints import ApiModel
from shared.web.paging import Page, PageQuery


class OrderableInvoicesQuery(PageQuery):
    """Which invoices to judge, and for which contract."""

    contract_id: Annotated[
        UUID | None, Field(description="The order's contract; left out: each invoice's own")
    ] = None
    exclude_zero_balance: bool = True
    only_orderable: bool = False


class OrdersQuery(PageQuery):
    """Which orders."""

    state: OrderState | None = None
    contract_id: UUID | None = None


class Refusal(ApiModel):
    """The latest refusal of an invoice by the factor; it may be ordered again all the same."""

    order_number: str
    refusal_code: str


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
    live_order_number: str | None
    last_refusal: Refusal | None


class OrderableInvoices(Page):
    """A page of invoices; the figures are those of the whole list."""

    items: list[OrderableInvoice]
    count: int
    total: WireMoney
    orderable_count: int
    orderable_total: WireMoney


class PrepareOrderBody(ApiModel):
    """What to order."""

    contract_id: UUID
    invoice_ids: Annotated[
        list[UUID] | None,
        Field(
            min_length=1,
            max_length=INVOICES_PER_ORDER_MAX,
            description="null: everything of the contract that may be ordered",
        ),
    ] = None
    communication: Annotated[str, Field(max_length=COMMUNICATION_CHARACTERS_MAX)] = ""


class Package(ApiModel):
    """The frozen package: these bytes are sent, and sent again if need be."""

    sha256: str
    size_bytes: int


class LeftOutInvoice(ApiModel):
    """An invoice that stayed behind, and why."""

    invoice_id: UUID
    invoice_number: str
    reason_code: Reason
    unfit_codes: list[str]


class PreparedOrderReply(ApiModel):
    """The order as it was frozen."""

    order_id: UUID
    order_number: str
    contract_id: UUID
    state: OrderState
    invoice_count: int
    total: WireMoney
    communication: str
    package: Package
    left_out_count: int
    left_out: Annotated[list[LeftOutInvoice], Field(description="At most the first 1000")]
    prepared_at: datetime


class OrderSummary(ApiModel):
    """An order in a list. What was accepted is null before the confirmation."""

    order_id: UUID
    order_number: str
    contract_id: UUID
    state: OrderState
    since: Annotated[datetime, Field(description="When the state began")]
    invoice_count: int
    total: WireMoney
    accepted_count: int | None
    accepted_total: WireMoney | None
    refused_count: int | None
    prepared_at: datetime


class OrderList(Page):
    """A page of orders, newest first."""

    items: list[OrderSummary]


class TimelineEntry(ApiModel):
    """One fact about an order, in plain words."""

    kind: FactKind
    at: datetime
    text: str
    attempt: int | None
    reason_code: str | None
    reference: str | None
    next_attempt_at: datetime | None


class OrderDetail(OrderSummary):
    """One order with its story."""

    communication: str
    package: Package
    timeline: list[TimelineEntry]


class OrderLineReply(ApiModel):
    """A line of an order. `outcome` is "open" until the order has arrived."""

    place: int
    invoice_id: UUID
    invoice_number: str
    debtor_number: str
    amount: WireMoney
    document_sha256: str
    outcome: Annotated[str, Field(pattern="^(open|accepted|refused)$")]
    refusal_code: str | None


class OrderLines(Page):
    """A page of lines, in package order."""

    items: list[OrderLineReply]
