"""Writes rows and results as the bodies of the orders API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping

from services.orders.domain.order import Fact
from services.orders.domain.selection import why_not
from services.orders.domain.timeline import OrderSums, tell
from services.orders.entrypoints.schemas import (
    LeftOutInvoice,
    OrderableInvoice,
    OrderDetail,
    OrderLineReply,
    OrderSummary,
    Package,
    PreparedOrderReply,
    Refusal,
    TimelineEntry,
)
from services.orders.handlers.prepare_order import PreparedOrder
from shared.contracts.envelope import WireMoney
from shared.kernel.money import Money

LEFT_OUT_LISTED_MAX = 1000


def money(rappen: int) -> WireMoney:
    """Write an amount."""
    return WireMoney.of(Money(rappen))


def orderable_invoice(row: RowMapping, wanted_contract_id: UUID | None) -> OrderableInvoice:
    """Write an invoice with the verdict whether it may be ordered."""
    reason = why_not(
        contract_id=row["contract_id"],
        wanted_contract_id=wanted_contract_id,
        balance=Money(row["balance_rappen"]),
        unfit_codes=row["unfit_codes"],
        live_order_state=row["live_order_state"],
    )
    refused_in = row["refused_order_number"]
    return OrderableInvoice(
        invoice_id=row["invoice_id"],
        invoice_number=row["invoice_number"],
        debtor_number=row["debtor_number"],
        contract_id=row["contract_id"],
        issued_on=row["issued_on"],
        due_on=row["due_on"],
        total=money(row["total_rappen"]),
        balance=money(row["balance_rappen"]),
        orderable=reason is None,
        reason_code=reason,
        unfit_codes=row["unfit_codes"],
        live_order_number=row["live_order_number"],
        last_refusal=refused_in
        and Refusal(order_number=refused_in, refusal_code=row["refusal_code"]),
    )


def prepared_order(prepared: PreparedOrder) -> PreparedOrderReply:
    """Write a freshly prepared order."""
    order = prepared.order
    return PreparedOrderReply(
        order_id=order.order_id,
        order_number=order.number,
        contract_id=order.contract_id,
        state=order.state,
        invoice_count=order.invoice_count,
        total=WireMoney.of(order.total),
        communication=order.communication,
        package=Package(sha256=order.package.sha256, size_bytes=order.package.size_bytes),
        left_out_count=len(prepared.left_out),
        left_out=[
            LeftOutInvoice(
                invoice_id=each.invoice.invoice_id,
                invoice_number=each.invoice.number,
                reason_code=each.reason,
                unfit_codes=list(each.invoice.unfit_codes),
            )
            for each in prepared.left_out[:LEFT_OUT_LISTED_MAX]
        ],
        prepared_at=order.prepared_at,
    )


def order_summary(row: RowMapping) -> OrderSummary:
    """Write an order of a list."""
    return OrderSummary.model_validate(_summary(row))


def order_detail(row: RowMapping, facts: list[Fact]) -> OrderDetail:
    """Write one order with its story."""
    accepted = row["accepted_rappen"]
    sums = OrderSums(
        invoice_count=row["invoice_count"],
        total=Money(row["total_rappen"]),
        accepted_count=row["accepted_count"],
        accepted_total=None if accepted is None else Money(accepted),
        refused_count=row["refused_count"],
    )
    return OrderDetail(
        **_summary(row),
        communication=row["communication"],
        package=Package(sha256=row["package_sha256"], size_bytes=row["package_size_bytes"]),
        timeline=[_entry(fact, sums) for fact in facts],
    )


def order_line(row: RowMapping) -> OrderLineReply:
    """Write a line of an order."""
    return OrderLineReply(
        place=row["place"],
        invoice_id=row["invoice_id"],
        invoice_number=row["invoice_number"],
        debtor_number=row["debtor_number"],
        amount=money(row["amount_rappen"]),
        document_sha256=row["document_sha256"],
        outcome=row["outcome"],
        refusal_code=row["refusal_code"],
    )


def _summary(row: RowMapping) -> Mapping[str, Any]:
    accepted = row["accepted_rappen"]
    return {
        "order_id": row["order_id"],
        "order_number": row["order_number"],
        "contract_id": row["contract_id"],
        "state": row["state"],
        "since": row["state_since"],
        "invoice_count": row["invoice_count"],
        "total": money(row["total_rappen"]),
        "accepted_count": row["accepted_count"],
        "accepted_total": None if accepted is None else money(accepted),
        "refused_count": row["refused_count"],
        "prepared_at": row["prepared_at"],
    }


def _entry(fact: Fact, sums: OrderSums) -> TimelineEntry:
    return TimelineEntry(
        kind=fact.kind,
        at=fact.at,
        text=tell(fact, sums),
        attempt=fact.attempt or None,
        reason_code=fact.reason_code,
        reference=fact.reference,
        next_attempt_at=fact.next_attempt_at,
    )
