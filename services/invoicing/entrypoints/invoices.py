"""HTTP handlers about invoices and their documents."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import RowMapping

from services.invoicing.domain.invoice import InvoiceState, StoredDocument
from services.invoicing.entrypoints.csv_text import csv_bytes
from services.invoicing.entrypoints.desk import Desk
from services.invoicing.entrypoints.schemas.invoice_selection import (
    InvoiceQuery,
    InvoiceSelection,
    ManyPracticesQuery,
    ManyPracticesSelection,
)
from services.invoicing.entrypoints.schemas.invoices import (
    CSV_HEADER,
    CSV_HEADER_OF_PRACTICES,
    InvoicePage,
    InvoiceRequest,
    InvoiceTotals,
    csv_row,
    csv_row_of_practices,
    invoice_answer,
    invoice_detail,
)
from services.invoicing.handlers.issue_invoice import IssueInvoice, issue_invoice
from services.invoicing.views import invoices as views
from shared.contracts.envelope import WireMoney
from shared.kernel.errors import DomainError, NotFoundError
from shared.kernel.ids import new_id
from shared.web.changes import Changed, changed
from shared.web.endpoints import Call, Reply
from shared.web.paging import cursor, read_cursor, split_page, whole_number
from shared.web.totals import totals_of

_HISTORY_LINES = 200
EXPORT_ROWS_MAX = 20_000


class InvoiceOperations:
    """The operations on invoices."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def issue(self, call: Call) -> Changed:
        """Issue an invoice."""
        body = call.body_as(InvoiceRequest)
        command = IssueInvoice(
            practice_id=call.practice_id,
            invoice_id=new_id(),
            treatment_ids=tuple(dict.fromkeys(body.treatment_ids)),
            contract_id=body.contract_id,
            deposit=body.deposit.to_money(),
            payment_period_days=body.payment_period_days,
            discount_percent=body.discount(),
            insurance=body.insurance(),
        )
        async with self._desk.unit_of_work(call.connection) as uow:
            issued = await issue_invoice(
                command,
                uow,
                renderer=self._desk.renderer,
                documents=self._desk.documents,
                clock=self._desk.clock,
            )
        facts = {
            "invoice_id": issued.invoice_id,
            "invoice_number": issued.number,
            "state": InvoiceState.ISSUED,
            "contract_id": issued.contract_id,
            "tiers": body.tiers,
            "debtor_number": issued.debtor_number,
            "treatment_count": len(command.treatment_ids),
            "total": WireMoney.of(issued.total),
        }
        return changed(await self.detail(call, command.invoice_id), None, facts)

    async def show(self, call: Call) -> Reply:
        """Show one invoice with its history."""
        return await self.detail(call, call.path_id("invoice_id"))

    async def list(self, call: Call) -> Reply:
        """List invoices, the first page with count and sums of the whole."""
        query = call.query_as(InvoiceQuery)
        wanted = query.to_filter()
        rows = await views.invoice_page(
            call.connection,
            call.practice_id,
            wanted=wanted,
            limit=query.limit + 1,
            after=read_cursor(query.after, whole_number, whole_number),
        )
        page, more = split_page(rows, query.limit)
        following = cursor(page[-1]["year"], page[-1]["serial"]) if more else None
        return await self._listed(call, page, following, [call.practice_id])

    async def list_all(self, call: Call) -> Reply:
        """List invoices of several practices, the first page with count and sums of the whole."""
        query = call.query_as(ManyPracticesQuery)
        wanted, practices = query.to_filter(), query.practice_id
        rows = await views.page_of_practices(
            call.connection,
            practices,
            wanted=wanted,
            limit=query.limit + 1,
            after=read_cursor(query.after, UUID, whole_number, whole_number),
        )
        page, more = split_page(rows, query.limit)
        last = ("practice_id", "year", "serial")
        following = cursor(*(page[-1][name] for name in last)) if more else None
        return await self._listed(call, page, following, practices)

    async def _listed(
        self,
        call: Call,
        page: Sequence[RowMapping],
        following: str | None,
        practices: Sequence[UUID],
    ) -> Reply:
        query = call.query_as(InvoiceQuery)
        selection, values = views.invoice_selection(practices, query.to_filter())
        totals = await totals_of(call.connection, query, InvoiceTotals, selection, values)
        items = [invoice_answer(row) for row in page]
        return Reply(InvoicePage(items=items, next=following, totals=totals))

    async def export(self, call: Call) -> Reply:
        """Return a selection of invoices as CSV; one that is too large is refused, not cut."""
        wanted = call.query_as(InvoiceSelection).to_filter()
        rows = await views.invoice_page(
            call.connection, call.practice_id, wanted=wanted, limit=EXPORT_ROWS_MAX + 1
        )
        _check_size(rows)
        return _download(csv_bytes(CSV_HEADER, (csv_row(row) for row in rows)))

    async def export_all(self, call: Call) -> Reply:
        """Return a selection of several practices' invoices as CSV, like `export`."""
        query = call.query_as(ManyPracticesSelection)
        rows = await views.page_of_practices(
            call.connection,
            query.practice_id,
            wanted=query.to_filter(),
            limit=EXPORT_ROWS_MAX + 1,
        )
        _check_size(rows)
        lines = (csv_row_of_practices(row) for row in rows)
        return _download(csv_bytes(CSV_HEADER_OF_PRACTICES, lines))

    async def document(self, call: Call) -> Reply:
        """Return the invoice's present document, byte for byte as it was stored."""
        row = await self._row(call, call.path_id("invoice_id"))
        data = await self._document(call, row)
        name = f'attachment; filename="{row["invoice_number"]}.xml"'
        return Reply(data, headers={"Content-Disposition": name})

    async def pdf(self, call: Call) -> Reply:
        """Return the invoice on paper, with its QR slip, in the language of its document."""
        row = await self._row(call, call.path_id("invoice_id"))
        document = await self._document(call, row)
        cancelled = row["state"] == InvoiceState.CANCELLED
        # Drawing takes a while; the other requests need not wait for it.
        data = await asyncio.to_thread(self._desk.printer.print, document, cancelled=cancelled)
        name = f'inline; filename="{row["invoice_number"]}.pdf"'
        return Reply(data, headers={"Content-Disposition": name})

    async def _document(self, call: Call, row: RowMapping) -> bytes:
        present = await views.document(call.connection, row)
        stored = StoredDocument(
            key=present["document_key"],
            sha256=present["document_sha256"],
            size_bytes=present["document_size_bytes"],
            media_type=present["document_media_type"],
        )
        return await self._desk.documents.get(call.practice_id, stored)

    async def detail(self, call: Call, invoice_id: UUID) -> Reply:
        """Answer an invoice with its history."""
        row = await self._row(call, invoice_id)
        treatments = await views.treatment_ids(call.connection, call.practice_id, invoice_id)
        history = await views.history(
            call.connection, call.practice_id, invoice_id, limit=_HISTORY_LINES
        )
        wish = await views.cancellation(call.connection, call.practice_id, invoice_id)
        document = await views.document(call.connection, row)
        return Reply(invoice_detail(row, document, treatments, history, wish))

    async def _row(self, call: Call, invoice_id: UUID) -> RowMapping:
        row = await views.invoice(call.connection, call.practice_id, invoice_id)
        if row is None:
            raise NotFoundError("There is no such invoice.", code="invoice-not-found")
        return row


def _check_size(rows: Sequence[RowMapping]) -> None:
    if len(rows) > EXPORT_ROWS_MAX:
        raise DomainError(
            f"These are more than {EXPORT_ROWS_MAX} invoices. Narrow the selection, by days"
            " for instance.",
            code="export-too-large",
        )


def _download(data: bytes) -> Reply:
    return Reply(data, headers={"Content-Disposition": 'attachment; filename="invoices.csv"'})
