"""HTTP handlers for what happens to an invoice after its issue: print, cancel, correct, credit."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from sqlalchemy import RowMapping

from services.invoicing.domain.correction import NewContent
from services.invoicing.domain.invoice import StoredDocument
from services.invoicing.entrypoints.desk import Desk, only
from services.invoicing.entrypoints.invoices import InvoiceOperations
from services.invoicing.entrypoints.schemas.corrections import (
    CancelRequest,
    CorrectRequest,
    CreditNoteList,
    CreditNoteRequest,
    CreditNoteTotals,
    NotRenderedAnswer,
    PrintedAnswer,
    PrintedRequest,
    RenderedAnswer,
    RenderRequest,
    credit_note_answer,
)
from services.invoicing.entrypoints.schemas.fields import money
from services.invoicing.entrypoints.schemas.invoices import InvoiceRequest
from services.invoicing.handlers.cancel_invoice import CancelInvoice, cancel_invoice
from services.invoicing.handlers.correct_invoice import CorrectInvoice, correct_invoice
from services.invoicing.handlers.correct_sent_invoice import (
    Corrected,
    correct_sent_invoice,
    is_with_factor,
)
from services.invoicing.handlers.issue_credit_note import IssueCreditNote, issue_credit_note
from services.invoicing.handlers.mark_printed import MarkPrinted, mark_printed
from services.invoicing.handlers.render_invoices import (
    RenderingDesk,
    RenderInvoices,
    render_invoices,
)
from services.invoicing.handlers.wish_cancellation import wish_cancellation
from services.invoicing.handlers.wish_correction import wish_correction
from services.invoicing.ports import UnitOfWork
from services.invoicing.views import invoices as views
from shared.contracts.envelope import WireMoney
from shared.kernel.errors import NotFoundError
from shared.kernel.ids import new_id
from shared.web.changes import Changed, between, changed, changed_all, moved, some
from shared.web.endpoints import Call, Reply
from shared.web.paging import PageQuery, cursor, read_cursor, split_page, whole_number
from shared.web.totals import totals_of


class CorrectionOperations:
    """The operations on issued invoices."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._invoices = InvoiceOperations(desk)

    async def printed(self, call: Call) -> Changed:
        """Mark invoices as printed by the caller."""
        body = call.body_as(PrintedRequest)
        command = MarkPrinted(
            invoice_ids=tuple(dict.fromkeys(body.invoice_ids)),
            by=call.principal.subject,
        )
        async with self._desk.unit_of_work(call.connection) as uow:
            done = await mark_printed(command, uow, clock=self._desk.clock)
        reply = Reply(PrintedAnswer(newly_printed=done.newly, printed_before=done.before))
        changes = [
            between(
                {"printed": 0},
                {"printed": len(ids), "invoice_ids": some(ids)},
                practice_id=practice_id,
            )
            for practice_id, ids in done.by_practice.items()
        ]
        return changed_all(reply, changes)

    async def render(self, call: Call) -> Changed:
        """Write documents anew, in the version that their contracts demand."""
        body = call.body_as(RenderRequest)
        command = RenderInvoices(
            practice_id=call.practice_id,
            invoice_ids=tuple(dict.fromkeys(body.invoice_ids)),
            by=call.principal.subject,
        )
        desk = RenderingDesk(
            self._desk.renderer,
            self._desk.documents,
            self._desk.document_reader,
            self._desk.clock,
        )
        async with self._desk.unit_of_work(call.connection) as uow:
            done = await render_invoices(command, uow, desk)
        reply = Reply(
            RenderedAnswer(
                newly_rendered=len(done.newly),
                rendered_before=done.before,
                not_rendered=[
                    NotRenderedAnswer(
                        invoice_id=one.invoice_id,
                        invoice_number=one.invoice_number,
                        code=one.code,
                        detail=one.reason,
                    )
                    for one in done.refused
                ],
            )
        )
        after = {"rendered": len(done.newly), "invoice_ids": some(done.newly)}
        return moved(reply, {"rendered": 0, "invoice_ids": []}, after)

    async def cancel(self, call: Call) -> Changed:
        """Cancel an invoice; one in an order that has not left waits for the order: 202."""
        command = CancelInvoice(
            practice_id=call.practice_id,
            invoice_id=call.path_id("invoice_id"),
            reason_code=call.body_as(CancelRequest).reason_code,
            by=call.principal.subject,
        )
        before = await standing(call)
        async with self._desk.unit_of_work(call.connection) as uow:
            waits = await wish_cancellation(command, uow, clock=self._desk.clock)
            if not waits:
                await cancel_invoice(command, uow, clock=self._desk.clock)
        shown = await self._invoices.show(call)
        reply = replace(shown, status=202) if waits else shown
        return moved(reply, before, await standing(call), reason_code=command.reason_code)

    async def correct(self, call: Call) -> Changed:
        """Cancel an invoice and issue the one that takes its place; answer the new one.

        One in an order that has not left waits for the order: 202, and the answer is that invoice.
        What is left of one that the factor has is credited instead.
        """
        body = call.body_as(CorrectRequest)
        command = CorrectInvoice(
            practice_id=call.practice_id,
            invoice_id=call.path_id("invoice_id"),
            corrected_id=new_id(),
            reason_code=body.reason_code,
            by=call.principal.subject,
            content=_content(body.invoice),
        )
        before = await standing(call)
        async with self._desk.unit_of_work(call.connection) as uow:
            waits = await wish_correction(command, uow, tools=self._desk.tools)
            done = None if waits else await self._corrected(command, uow)
        after = await standing(call)
        if done is None:
            reply = replace(await self._invoices.show(call), status=202)
        else:
            reply = await self._invoices.detail(call, done.invoice.invoice_id)
            after |= _facts(done)
        return moved(reply, before, after, reason_code=command.reason_code)

    async def _corrected(self, command: CorrectInvoice, uow: UnitOfWork) -> Corrected:
        if await is_with_factor(command, uow):
            return await correct_sent_invoice(command, uow, tools=self._desk.crediting)
        corrected = await correct_invoice(
            command,
            uow,
            renderer=self._desk.renderer,
            documents=self._desk.documents,
            clock=self._desk.clock,
        )
        return Corrected(corrected, None)

    async def credit(self, call: Call) -> Changed:
        """Issue a credit note on an invoice that the factor has."""
        body = call.body_as(CreditNoteRequest)
        command = IssueCreditNote(
            practice_id=call.practice_id,
            invoice_id=call.path_id("invoice_id"),
            credit_note_id=new_id(),
            amount=body.amount.to_money(),
            reason_code=body.reason_code,
            by=call.principal.subject,
        )
        async with self._desk.unit_of_work(call.connection) as uow:
            await issue_credit_note(
                command,
                uow,
                renderer=self._desk.credit_note_renderer,
                invoice_documents=self._desk.documents,
                documents=self._desk.credit_note_documents,
                clock=self._desk.clock,
            )
        (row,) = await views.credit_notes(
            call.connection,
            call.practice_id,
            command.invoice_id,
            limit=1,
            credit_note_id=command.credit_note_id,
        )
        note = credit_note_answer(row)
        told = {"credit_note_id", "credit_note_number", "amount", "reason_code", "state"}
        return changed(Reply(note), None, note.model_dump(mode="json", include=told))

    async def credit_notes(self, call: Call) -> Reply:
        """List the credit notes of an invoice."""
        query, invoice_id = call.query_as(PageQuery), call.path_id("invoice_id")
        if await views.invoice(call.connection, call.practice_id, invoice_id) is None:
            raise NotFoundError("There is no such invoice.", code="invoice-not-found")
        rows = await views.credit_notes(
            call.connection,
            call.practice_id,
            invoice_id,
            limit=query.limit + 1,
            after=_place(read_cursor(query.after, whole_number, whole_number)),
        )
        page, more = split_page(rows, query.limit)
        following = cursor(page[-1]["year"], page[-1]["serial"]) if more else None
        wanted = {
            "practice_id": call.practice_id,
            "invoice_id": invoice_id,
            "credit_note_id": None,
        }
        totals = await totals_of(
            call.connection, query, CreditNoteTotals, views.CREDIT_NOTES, wanted
        )
        items = [credit_note_answer(row) for row in page]
        return Reply(CreditNoteList(items=items, next=following, totals=totals))

    async def credit_note_document(self, call: Call) -> Reply:
        """Return a credit note's document, byte for byte as it was stored."""
        row = await _note(call)
        name = f'attachment; filename="{row["credit_note_number"]}.xml"'
        return Reply(await self._stored(call, row), headers={"Content-Disposition": name})

    async def credit_note_pdf(self, call: Call) -> Reply:
        """Return a credit note on paper, in the language of its document, without a slip."""
        row = await _note(call)
        document = await self._stored(call, row)
        # Drawing takes a while; the other requests need not wait for it.
        data = await asyncio.to_thread(self._desk.printer.print_credit_note, document)
        name = f'inline; filename="{row["credit_note_number"]}.pdf"'
        return Reply(data, headers={"Content-Disposition": name})

    async def _stored(self, call: Call, row: RowMapping) -> bytes:
        stored = StoredDocument(
            key=row["document_key"],
            sha256=row["document_sha256"],
            size_bytes=row["document_size_bytes"],
            media_type=row["document_media_type"],
        )
        return await self._desk.credit_note_documents.get(call.practice_id, stored)


async def _note(call: Call) -> RowMapping:
    """Return the row of the credit note of the path.

    Raises:
        NotFoundError: the invoice has no such credit note, or there is no such invoice.
    """
    rows = await views.credit_notes(
        call.connection,
        call.practice_id,
        call.path_id("invoice_id"),
        limit=1,
        credit_note_id=call.path_id("credit_note_id"),
    )
    return only(rows, code="credit-note-not-found", what="credit note on this invoice")


async def standing(call: Call) -> dict[str, object]:
    """Return how the invoice of the path stands, and keep others from it; nothing if unknown."""
    row = await views.standing(call.connection, call.practice_id, call.path_id("invoice_id"))
    if row is None:
        return {}
    return {
        "state": row["state"],
        "cancellation": row["cancellation"],
        "total": money(row["total_rappen"]),
    }


def _facts(done: Corrected) -> dict[str, object]:
    facts: dict[str, object] = {
        "total": WireMoney.of(done.invoice.total),
        "replaced_by": done.invoice.invoice_id,
        "replaced_by_number": done.invoice.number,
    }
    if done.credit_note is not None:
        facts |= {
            "credit_note_number": done.credit_note.number,
            "credited": WireMoney.of(done.credit_note.amount),
        }
    return facts


def _place(after: tuple[int, ...] | None) -> tuple[int, int]:
    year, serial = after or (0, 0)
    return year, serial


def _content(body: InvoiceRequest | None) -> NewContent | None:
    if body is None:
        return None
    return NewContent(
        treatment_ids=tuple(dict.fromkeys(body.treatment_ids)),
        contract_id=body.contract_id,
        deposit=body.deposit.to_money(),
        payment_period_days=body.payment_period_days,
        discount_percent=body.discount(),
        insurance=body.insurance(),
        keeps_insurance=not body.says_who_owes(),
    )
