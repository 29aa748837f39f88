"""Writes rows and results as the bodies of the orders API."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping

from services.orders.domain.credit_note import PackedCreditNote
from services.orders.domain.notices import Notice, written
from services.orders.domain.order import Fact, withdrawal_pending
from services.orders.domain.selection import LeftOut, Reason, why_not
from services.orders.domain.timeline import OrderSums, tell
from services.orders.entrypoints.schemas import (
    CreditNoteAlong,
    InvoiceNotices,
    LeftOutCount,
    LeftOutInvoice,
    NoticeBody,
    ObservationReply,
    OrderableInvoice,
    OrderDetail,
    OrderLineReply,
    OrderSummary,
    Package,
    PreparedOrderReply,
    Refusal,
    Remedy,
    TimelineEntry,
)
from services.orders.handlers.prepare_order import PreparedOrder
from shared.contracts.envelope import WireMoney
from shared.kernel.clock import SWISS_TIME
from shared.kernel.money import Money
from shared.kernel.retention import kept_until

LISTED_MAX = 1000
REMEDIES: Mapping[Reason, str] = MappingProxyType(
    {Reason.DOCUMENT_IN_OTHER_VERSION: "renderInvoices", Reason.UNFIT: "correctInvoice"}
)
"""By reason, the operation of invoicing after which an invoice can be ordered."""


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
        given_back=row["given_back"],
        document_format=row["document_format"],
        invoice_format=row["invoice_format"],
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
        remedy=_remedy(reason),
        live_order_number=row["live_order_number"],
        last_refusal=refused_in
        and Refusal(order_number=refused_in, refusal_code=row["refusal_code"]),
    )


def _remedy(reason: Reason | None) -> Remedy | None:
    operation_id = REMEDIES.get(reason) if reason else None
    return Remedy(service="invoicing", operation_id=operation_id) if operation_id else None


def prepared_order(prepared: PreparedOrder, *, retention_years: int) -> PreparedOrderReply:
    """Write a freshly prepared order."""
    order = prepared.order
    package = order.package
    return PreparedOrderReply(
        order_id=order.order_id,
        order_number=order.number,
        contract_id=order.contract_id,
        state=order.state,
        invoice_count=order.invoice_count,
        total=WireMoney.of(order.total),
        communication=order.communication,
        notices=_notices(order.notices),
        package=_package(package.sha256, package.size_bytes, order.prepared_at, retention_years),
        credit_note_count=len(prepared.credit_notes),
        credit_notes=credit_notes_along(prepared.credit_notes),
        left_out_count=len(prepared.left_out),
        left_out_by_reason=left_out_counts(Counter(each.reason for each in prepared.left_out)),
        left_out=left_out_invoices(prepared.left_out[:LISTED_MAX]),
        prepared_at=order.prepared_at,
    )


def _package(sha256: str, size_bytes: int, prepared_at: datetime, retention_years: int) -> Package:
    prepared_on = prepared_at.astimezone(SWISS_TIME).date()
    until = kept_until(prepared_on, years=retention_years)
    return Package(sha256=sha256, size_bytes=size_bytes, kept_until=until)


def credit_notes_along(credit_notes: Sequence[PackedCreditNote]) -> list[CreditNoteAlong]:
    """Write the first credit notes of an order to be."""
    return [
        CreditNoteAlong(
            credit_note_id=note.credit_note_id,
            credit_note_number=note.number,
            invoice_number=note.invoice_number,
            debtor_number=note.debtor_number,
            amount=WireMoney.of(note.amount),
        )
        for note in credit_notes[:LISTED_MAX]
    ]


def left_out_invoices(left_out: Sequence[LeftOut]) -> list[LeftOutInvoice]:
    """Write invoices that stay behind."""
    return [
        LeftOutInvoice(
            invoice_id=each.invoice.invoice_id,
            invoice_number=each.invoice.number,
            reason_code=each.reason,
            unfit_codes=list(each.invoice.unfit_codes),
            remedy=_remedy(each.reason),
        )
        for each in left_out
    ]


def left_out_counts(counts: Mapping[Reason, int]) -> list[LeftOutCount]:
    """Write how many stay behind, by reason."""
    return [LeftOutCount(reason_code=reason, count=counts[reason]) for reason in sorted(counts)]


def _notices(notices: Sequence[Notice]) -> list[NoticeBody]:
    return [NoticeBody.model_validate(written(notice), strict=False) for notice in notices]


def _stored_notices(row: RowMapping) -> list[NoticeBody]:
    return [NoticeBody.model_validate(members, strict=False) for members in row["notices"]]


def order_summary(row: RowMapping) -> OrderSummary:
    """Write an order of a list."""
    return OrderSummary.model_validate(_summary(row))


def order_detail(
    row: RowMapping,
    facts: list[Fact],
    lines_with_notices: Sequence[RowMapping],
    credit_notes: Sequence[RowMapping],
    observation: RowMapping | None,
    *,
    retention_years: int,
) -> OrderDetail:
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
        notices=_stored_notices(row),
        invoice_notices=[
            InvoiceNotices(
                invoice_id=line["invoice_id"],
                invoice_number=line["invoice_number"],
                notices=_stored_notices(line),
            )
            for line in lines_with_notices
        ],
        withdrawal_pending=withdrawal_pending(facts),
        observation=None if observation is None else ObservationReply(**observation),
        package=_package(
            row["package_sha256"],
            row["package_size_bytes"],
            row["prepared_at"],
            retention_years,
        ),
        credit_note_count=credit_notes[0]["whole_count"] if credit_notes else 0,
        credit_notes=[_stored_credit_note(note) for note in credit_notes],
        timeline=[_entry(fact, sums) for fact in facts],
    )


def _stored_credit_note(row: RowMapping) -> CreditNoteAlong:
    return CreditNoteAlong(
        credit_note_id=row["credit_note_id"],
        credit_note_number=row["credit_note_number"],
        invoice_number=row["invoice_number"],
        debtor_number=row["debtor_number"],
        amount=money(row["amount_rappen"]),
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
        notices=_stored_notices(row),
    )


def _summary(row: RowMapping) -> Mapping[str, Any]:
    accepted = row["accepted_rappen"]
    return {
        "order_id": row["order_id"],
        "order_number": row["order_number"],
        "contract_id": row["contract_id"],
        "state": row["state"],
        "since": row["state_since"],
        "overdue": row["overdue_since"] is not None,
        "arrival_deadline": row["overdue_since"] or row["arrival_deadline"],
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
