"""What the factor is told of each invoice of an order, and whether it can be true of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from uuid import UUID

from services.orders.domain.model import OrderLine
from services.orders.domain.notices import Notice, NoticeCode
from shared.kernel.errors import DomainError
from shared.kernel.money import Money

_NAMED_INVOICES_MAX = 200


def with_notices(
    lines: Sequence[OrderLine], notices: Mapping[UUID, tuple[Notice, ...]]
) -> tuple[OrderLine, ...]:
    """Return the lines with what the factor is told of each.

    Raises:
        DomainError: a notice is about an invoice that does not go into the order, or a plan of
            instalments would not pay its invoice.
    """
    strange = notices.keys() - {line.invoice_id for line in lines}
    if strange:
        raise DomainError(
            f"A notice is about an invoice that does not go into this order: {len(strange)} of"
            " them. Nothing was ordered.",
            code="notice-without-invoice",
            field="invoice_notices",
            invoices=sorted(str(invoice_id) for invoice_id in strange)[:_NAMED_INVOICES_MAX],
        )
    told = tuple(replace(line, notices=notices.get(line.invoice_id, ())) for line in lines)
    places = {invoice_id: place for place, invoice_id in enumerate(notices)}
    for line in told:
        if line.notices:
            _refuse_short_plan(line, f"invoice_notices.{places[line.invoice_id]}.notices")
    return told


def with_notices_of_order(
    lines: Sequence[OrderLine], notices: Sequence[Notice]
) -> tuple[OrderLine, ...]:
    """Return the lines with all that concerns each: its own notices, then the whole order's."""
    told: list[OrderLine] = []
    for line in lines:
        own = {notice.code for notice in line.notices}
        of_order = (notice for notice in notices if notice.code not in own)
        told.append(replace(line, notices=(*line.notices, *of_order)))
    return tuple(told)


def _refuse_short_plan(line: OrderLine, field: str) -> None:
    for notice in line.notices:
        if notice.code is not NoticeCode.INSTALMENTS:
            continue
        assert notice.count is not None and notice.amount is not None  # noqa: S101, PT018 - checked
        planned = Money(notice.count * notice.amount.rappen)
        if planned < line.amount:
            raise DomainError(
                f"The instalments agreed for invoice {line.invoice_number} come to"
                f" {planned.for_people()}, less than its balance of {line.amount.for_people()}."
                " Nothing was ordered.",
                code="instalments-below-balance",
                field=field,
                invoice_id=str(line.invoice_id),
                invoice_number=line.invoice_number,
                planned=str(planned),
                balance=str(line.amount),
            )
