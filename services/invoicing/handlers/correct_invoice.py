"""Corrects an invoice in one action: cancels it and issues the one that takes its place."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from services.invoicing.domain.correction import NewContent
from services.invoicing.domain.invoice import Invoice
from services.invoicing.handlers.cancel_invoice import CancelInvoice, withdraw_from_books
from services.invoicing.handlers.issue_invoice import IssueInvoice, issue_invoice
from services.invoicing.handlers.known import known_invoice
from services.invoicing.ports import UnitOfWork
from services.invoicing.ports.documents import InvoiceDocuments, InvoiceRenderer
from shared.kernel.clock import Clock
from shared.kernel.errors import ConflictError


@dataclass(frozen=True, slots=True)
class CorrectInvoice:
    """Replace this invoice by a corrected one.

    Attributes:
        corrected_id: id of the invoice to be.
        content: what it bills; None: the same again, with today's names and addresses.
    """

    practice_id: UUID
    invoice_id: UUID
    corrected_id: UUID
    reason_code: str
    by: str
    content: NewContent | None


async def correct_invoice(
    command: CorrectInvoice,
    uow: UnitOfWork,
    *,
    renderer: InvoiceRenderer,
    documents: InvoiceDocuments,
    clock: Clock,
) -> Invoice:
    """Cancel the invoice and issue the corrected one, both or neither, each naming the other.

    Raises:
        NotFoundError: the practice has no such invoice.
        ConflictError: it cannot be cancelled, a treatment is billed by a third invoice, or the same
            again is not what is meant: it was credited, or came from outside without treatments;
            or it was corrected before.
        DomainError: the corrected invoice cannot be issued.
        TransientError: the object store did not answer.
    """
    wrong = await known_invoice(uow, command.practice_id, command.invoice_id)
    content = command.content or await same_again(wrong, uow)
    cancel = CancelInvoice(command.practice_id, command.invoice_id, command.reason_code, command.by)
    await withdraw_from_books(cancel, wrong, uow, clock=clock, replaced_by=command.corrected_id)
    await refuse_replaced(wrong, uow)
    if command.content is None:
        await refuse_same_again(wrong, content, uow)
    corrected = await issue_corrected(
        command, wrong, content, uow, renderer=renderer, documents=documents, clock=clock
    )
    await uow.corrections.link(wrong.invoice_id, corrected.invoice_id)
    return corrected


async def issue_corrected(
    command: CorrectInvoice,
    wrong: Invoice,
    content: NewContent,
    uow: UnitOfWork,
    *,
    renderer: InvoiceRenderer,
    documents: InvoiceDocuments,
    clock: Clock,
) -> Invoice:
    """Issue the invoice that takes the place of a wrong one; raises as `issue_invoice` does."""
    return await issue_invoice(
        IssueInvoice(
            practice_id=command.practice_id,
            invoice_id=command.corrected_id,
            treatment_ids=content.treatment_ids,
            contract_id=content.contract_id,
            deposit=content.deposit,
            payment_period_days=content.payment_period_days,
            discount_percent=content.discount_percent,
            insurance=wrong.insurance if content.keeps_insurance else content.insurance,
        ),
        uow,
        renderer=renderer,
        documents=documents,
        clock=clock,
    )


async def refuse_replaced(wrong: Invoice, uow: UnitOfWork) -> None:
    """Check that no other invoice has the place of this one already; its standing is locked.

    Raises:
        ConflictError: one has; names it.
    """
    successor = await uow.corrections.successor_of(wrong.invoice_id)
    if successor is None:
        return
    successor_id, number = successor
    raise ConflictError(
        f"Invoice {wrong.number} was corrected already, by invoice {number}. Correct that one.",
        code="invoice-replaced",
        invoice_number=wrong.number,
        replaced_by=str(successor_id),
        replaced_by_number=number,
    )


async def same_again(wrong: Invoice, uow: UnitOfWork) -> NewContent:
    """Return what an invoice bills, to be billed once more."""
    return NewContent(
        treatment_ids=tuple(await uow.corrections.treatments_of(wrong.invoice_id)),
        contract_id=wrong.contract_id,
        deposit=wrong.deposit,
        payment_period_days=(wrong.due_on - wrong.issued_on).days,
        discount_percent=wrong.discount_percent,
        insurance=wrong.insurance,
    )


async def refuse_same_again(wrong: Invoice, content: NewContent, uow: UnitOfWork) -> None:
    """Check that billing the same once more can be meant.

    Raises:
        ConflictError: some of it was credited, or it came from outside without treatments.
    """
    credited = await uow.corrections.credited(wrong.invoice_id)
    if credited:
        raise ConflictError(
            f"{credited.for_people()} of invoice {wrong.number} were credited, and the same again"
            " would bill them once more. Say what the corrected invoice is to bill.",
            code="has-credit-note",
            invoice_number=wrong.number,
            credited=str(credited),
        )
    if not content.treatment_ids:
        raise ConflictError(
            f"Invoice {wrong.number} came from outside, and its services cannot be billed here as"
            " they are. Cancel it, or credit it if the factor has it, and import the corrected"
            " file.",
            code="came-from-outside",
            invoice_number=wrong.number,
        )
