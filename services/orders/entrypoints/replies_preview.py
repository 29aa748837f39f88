"""Writes what dry runs foresee as bodies of the orders API."""

from __future__ import annotations

from collections.abc import Sequence

from services.orders.domain.selection import LeftOut
from services.orders.entrypoints.replies import (
    LISTED_MAX,
    credit_notes_along,
    left_out_counts,
    left_out_invoices,
)
from services.orders.entrypoints.schemas_preview import (
    BatchPreviewReply,
    ContractPreview,
    ForeseenInvoice,
    Obstacle,
    OrderPreviewReply,
    PreviewOrderBody,
)
from services.orders.handlers.preview_order import Foreseen
from services.orders.handlers.preview_orders import ForeseenContract
from shared.contracts.envelope import WireMoney
from shared.kernel.errors import DomainError
from shared.kernel.money import Money
from shared.web.paging import cursor, read_cursor, split_page, whole_number


def order_preview(body: PreviewOrderBody, foreseen: Foreseen) -> OrderPreviewReply:
    """Write what preparing would do, the pages of it that were asked for.

    Raises:
        DomainError: a cursor is none of ours.
    """
    selection = foreseen.selection
    (place,) = read_cursor(body.invoices_after, whole_number) or (0,)
    lines, more_lines = split_page(
        [line for line in selection.lines if line.place > place], LISTED_MAX
    )
    left_out, more_left_out = split_page(_listed(body, foreseen), LISTED_MAX)
    counts = foreseen.left_out_counts
    return OrderPreviewReply(
        contract_id=body.contract_id,
        possible=not foreseen.obstacles,
        obstacles=_obstacles(foreseen.obstacles),
        invoice_count=len(selection.lines),
        total=WireMoney.of(selection.total),
        invoices=[
            ForeseenInvoice(
                invoice_id=line.invoice_id,
                invoice_number=line.invoice_number,
                debtor_number=line.debtor_number,
                amount=WireMoney.of(line.amount),
            )
            for line in lines
        ],
        invoices_next=cursor(lines[-1].place) if more_lines else None,
        credit_note_count=len(foreseen.credit_notes),
        credit_notes=credit_notes_along(foreseen.credit_notes),
        left_out_count=counts.total(),
        left_out_by_reason=left_out_counts(counts),
        left_out=left_out_invoices(left_out),
        left_out_next=cursor(left_out[-1].invoice.number) if more_left_out else None,
    )


def batch_preview(foreseen: Sequence[ForeseenContract]) -> BatchPreviewReply:
    """Write what preparing orders of many practices would do."""
    possible = [one for one in foreseen if not one.obstacles]
    return BatchPreviewReply(
        contract_count=len(foreseen),
        possible_count=len(possible),
        invoice_count=sum(one.invoice_count for one in possible),
        total=WireMoney.of(Money.total(one.total for one in possible)),
        contracts=[
            ContractPreview(
                practice_id=one.contract.practice_id,
                contract_id=one.contract.contract_id,
                possible=not one.obstacles,
                obstacles=_obstacles(one.obstacles),
                invoice_count=one.invoice_count,
                total=WireMoney.of(one.total),
                credit_note_count=one.credit_note_count,
                left_out_count=sum(one.left_out_counts.values()),
                left_out_by_reason=left_out_counts(one.left_out_counts),
            )
            for one in foreseen
        ],
    )


def _listed(body: PreviewOrderBody, foreseen: Foreseen) -> list[LeftOut]:
    """Return what stays behind for the reasons asked for, behind the cursor, by number."""
    (after,) = read_cursor(body.left_out_after, str) or (None,)
    wanted = [
        each
        for each in foreseen.selection.left_out
        if not body.left_out_reason or each.reason in body.left_out_reason
        if after is None or each.invoice.number > after
    ]
    return sorted(wanted, key=lambda each: each.invoice.number)


def _obstacles(errors: Sequence[DomainError]) -> list[Obstacle]:
    return [Obstacle(code=each.code, detail=str(each), field=each.field) for each in errors]
