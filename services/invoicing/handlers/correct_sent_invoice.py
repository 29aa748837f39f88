"""Corrects an invoice that the factor has: credits its rest, and issues the corrected one.

Its balance stays with the factor until the books have the factor's record of the credit note, which
goes into the next order; the corrected invoice may be in the same.
"""

from __future__ import annotations

from dataclasses import dataclass

from services.invoicing.domain.correction import CreditNote, Way, way_to_correct
from services.invoicing.domain.invoice import Invoice, InvoiceState
from services.invoicing.handlers.correct_invoice import (
    CorrectInvoice,
    issue_corrected,
    refuse_replaced,
    refuse_same_again,
    same_again,
)
from services.invoicing.handlers.issue_credit_note import IssueCreditNote, issue_credit_note
from services.invoicing.handlers.known import known_invoice
from services.invoicing.ports import UnitOfWork
from services.invoicing.ports.documents import (
    CreditNoteDocuments,
    CreditNoteRenderer,
    InvoiceDocuments,
    InvoiceRenderer,
)
from shared.kernel.clock import Clock
from shared.kernel.ids import derived_id


@dataclass(frozen=True, slots=True)
class CreditingTools:
    """What crediting an invoice and issuing another one needs."""

    renderer: InvoiceRenderer
    documents: InvoiceDocuments
    credit_note_renderer: CreditNoteRenderer
    credit_note_documents: CreditNoteDocuments
    clock: Clock


@dataclass(frozen=True, slots=True)
class Corrected:
    """The corrected invoice, and the credit note on the wrong one.

    Attributes:
        credit_note: None if earlier ones came to all of the wrong invoice.
    """

    invoice: Invoice
    credit_note: CreditNote | None


async def is_with_factor(command: CorrectInvoice, uow: UnitOfWork) -> bool:
    """Whether only a credit note can correct the invoice; its standing is locked from here on.

    A cancelled one is not meant: it cannot be corrected, whatever the factor has.

    Raises:
        NotFoundError: the practice has no such invoice.
    """
    await known_invoice(uow, command.practice_id, command.invoice_id)
    standing = (await uow.invoices.lock_standings([command.invoice_id]))[command.invoice_id]
    placements = (await uow.orders.placements([command.invoice_id]))[command.invoice_id]
    credits_it = way_to_correct(standing, placements) is Way.CREDIT_NOTE
    return credits_it and standing.state is not InvoiceState.CANCELLED


async def correct_sent_invoice(
    command: CorrectInvoice, uow: UnitOfWork, *, tools: CreditingTools
) -> Corrected:
    """Credit the rest of the invoice, which frees its treatments, and issue the corrected one.

    Both or neither, each invoice naming the other. What the debtor has paid the factor by then the
    factor holds against the credit note; the practice asks for the corrected invoice in full.

    Raises:
        NotFoundError: the practice has no such invoice.
        ConflictError: the factor does not have it, it has been corrected before, a treatment is
            billed by a third invoice, or the same again is not what is meant (see
            `correct_invoice`).
        DomainError: the corrected invoice cannot be issued, or the official format refuses the
            credit note.
        TransientError: the object store did not answer.
    """
    wrong = await known_invoice(uow, command.practice_id, command.invoice_id)
    # Whoever corrects or credits it at the same moment waits here.
    await uow.invoices.lock_standings([command.invoice_id])
    await refuse_replaced(wrong, uow)
    content = command.content or await same_again(wrong, uow)
    if command.content is None:
        await refuse_same_again(wrong, content, uow)
    note = await _credit_the_rest(command, wrong, uow, tools)
    await uow.corrections.credit_whole(wrong.invoice_id)
    corrected = await issue_corrected(
        command,
        wrong,
        content,
        uow,
        renderer=tools.renderer,
        documents=tools.documents,
        clock=tools.clock,
    )
    await uow.corrections.link(wrong.invoice_id, corrected.invoice_id)
    return Corrected(corrected, note)


async def _credit_the_rest(
    command: CorrectInvoice, wrong: Invoice, uow: UnitOfWork, tools: CreditingTools
) -> CreditNote | None:
    rest = wrong.open_amount - await uow.corrections.credited(wrong.invoice_id)
    if rest.is_zero:
        return None
    return await issue_credit_note(
        IssueCreditNote(
            practice_id=command.practice_id,
            invoice_id=command.invoice_id,
            credit_note_id=derived_id("credit-of-correction", command.corrected_id),
            amount=rest,
            reason_code=command.reason_code,
            by=command.by,
        ),
        uow,
        renderer=tools.credit_note_renderer,
        invoice_documents=tools.documents,
        documents=tools.credit_note_documents,
        clock=tools.clock,
    )
