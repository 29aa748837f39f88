"""The part of invoicing's API table about issued invoices: the print list and corrections."""

from __future__ import annotations

from services.invoicing.entrypoints.corrections import CorrectionOperations
from services.invoicing.entrypoints.desk import Desk
from services.invoicing.entrypoints.invoices import InvoiceOperations
from services.invoicing.entrypoints.schemas.corrections import (
    CancelRequest,
    CorrectRequest,
    CreditNoteAnswer,
    CreditNoteList,
    CreditNoteRequest,
    PrintedAnswer,
    PrintedRequest,
    RenderedAnswer,
    RenderRequest,
)
from services.invoicing.entrypoints.schemas.insurance import INSURANCE_PROBLEMS
from services.invoicing.entrypoints.schemas.invoice_selection import (
    InvoiceSelection,
    ManyPracticesSelection,
)
from services.invoicing.entrypoints.schemas.invoices import (
    InvoiceDetailAnswer,
)
from shared.web.endpoints import EVERY_ROLE, WORKING_ROLES, Endpoint
from shared.web.paging import CURSOR_PROBLEM, PageQuery

_INVOICES = "/v1/practices/{practice_id}/invoices"
_OF_PRACTICES = "/v1/invoices"
_ONE = f"{_INVOICES}/{{invoice_id}}"
_NOT_CANCELLABLE = (
    "invoice-not-found",
    "withdraw-order-first",
    "has-credit-note",
    "correction-pending",
)
_NOT_ISSUABLE = (
    "unknown-treatment",
    "unknown-contract",
    "treatment-billed",
    "reference-taken",
    "came-from-outside",
    "several-patients",
    "several-reasons",
    "no-treatments",
    "too-many-positions",
    "amount-too-large",
    "deposit-too-large",
    "deposit-with-insurer",
    *INSURANCE_PROBLEMS,
    "uid-missing",
    "document-invalid",
    "document-not-valid",
)


def correction_endpoints(desk: Desk) -> list[Endpoint]:
    """Return the operations on issued invoices."""
    return [
        *_print_endpoints(CorrectionOperations(desk), InvoiceOperations(desk)),
        *_correction_endpoints(CorrectionOperations(desk)),
    ]


def _print_endpoints(
    operations: CorrectionOperations, invoices: InvoiceOperations
) -> list[Endpoint]:
    return [
        Endpoint(
            method="POST",
            path=f"{_INVOICES}/printed",
            operation_id="markInvoicesPrinted",
            summary="Mark invoices as printed",
            handler=operations.printed,
            roles=WORKING_ROLES,
            request=PrintedRequest,
            response=PrintedAnswer,
            problem_codes=("unknown-invoice",),
        ),
        Endpoint(
            method="POST",
            path=f"{_INVOICES}/rendered",
            operation_id="renderInvoices",
            summary="Write documents anew, in the version that their contracts demand now",
            handler=operations.render,
            roles=WORKING_ROLES,
            request=RenderRequest,
            response=RenderedAnswer,
            problem_codes=("unknown-invoice",),
        ),
        Endpoint(
            method="GET",
            path=f"{_INVOICES}.csv",
            operation_id="exportInvoices",
            summary="Download a selection of invoices as CSV",
            handler=invoices.export,
            roles=EVERY_ROLE,
            query=InvoiceSelection,
            response_media_type="application/csv",
            problem_codes=("export-too-large",),
        ),
        Endpoint(
            method="POST",
            path=f"{_OF_PRACTICES}/printed",
            operation_id="markInvoicesOfPracticesPrinted",
            summary="Mark invoices of several practices as printed",
            handler=operations.printed,
            roles=WORKING_ROLES,
            request=PrintedRequest,
            response=PrintedAnswer,
            problem_codes=("unknown-invoice",),
        ),
        Endpoint(
            method="GET",
            path=f"{_OF_PRACTICES}.csv",
            operation_id="exportInvoicesOfPractices",
            summary="Download a selection of invoices of several practices as CSV",
            handler=invoices.export_all,
            roles=EVERY_ROLE,
            query=ManyPracticesSelection,
            response_media_type="application/csv",
            problem_codes=("export-too-large",),
        ),
        Endpoint(
            method="GET",
            path=f"{_ONE}/pdf",
            operation_id="printInvoice",
            summary="Download the invoice on paper, with its Swiss QR slip",
            handler=invoices.pdf,
            roles=EVERY_ROLE,
            response_media_type="application/pdf",
            problem_codes=("invoice-not-found", "document-not-printable", "unprintable-text"),
        ),
    ]


def _correction_endpoints(operations: CorrectionOperations) -> list[Endpoint]:
    return [
        Endpoint(
            method="POST",
            path=f"{_ONE}/cancel",
            operation_id="cancelInvoice",
            summary="Cancel an invoice; one in an unsent order once that is taken back (202)",
            handler=operations.cancel,
            roles=WORKING_ROLES,
            request=CancelRequest,
            response=InvoiceDetailAnswer,
            waits="The invoice is in an unsent order and is cancelled once that is taken back",
            problem_codes=(*_NOT_CANCELLABLE, "needs-credit-note"),
        ),
        Endpoint(
            method="POST",
            path=f"{_ONE}/correct",
            operation_id="correctInvoice",
            summary="Cancel an invoice, or credit what the factor has, and issue the corrected one;"
            " in an unsent order later: 202",
            handler=operations.correct,
            roles=WORKING_ROLES,
            request=CorrectRequest,
            response=InvoiceDetailAnswer,
            status=201,
            waits="The invoice is in an unsent order and is corrected once that is taken back",
            problem_codes=(
                *_NOT_CANCELLABLE,
                "cancellation-pending",
                "invoice-cancelled",
                "invoice-replaced",
                *_NOT_ISSUABLE,
            ),
        ),
        Endpoint(
            method="POST",
            path=f"{_ONE}/credit-notes",
            operation_id="issueCreditNote",
            summary="Issue a credit note on an invoice that the factor has",
            handler=operations.credit,
            roles=WORKING_ROLES,
            request=CreditNoteRequest,
            response=CreditNoteAnswer,
            status=201,
            problem_codes=(
                "invoice-not-found",
                "withdraw-order-first",
                "cancel-instead",
                "invoice-cancelled",
                "credit-too-large",
                "document-not-valid",
            ),
        ),
        Endpoint(
            method="GET",
            path=f"{_ONE}/credit-notes",
            operation_id="listCreditNotes",
            summary="List the credit notes of an invoice",
            handler=operations.credit_notes,
            roles=EVERY_ROLE,
            query=PageQuery,
            response=CreditNoteList,
            problem_codes=("invoice-not-found", CURSOR_PROBLEM),
        ),
        *_credit_note_downloads(operations),
    ]


def _credit_note_downloads(operations: CorrectionOperations) -> list[Endpoint]:
    one = f"{_ONE}/credit-notes/{{credit_note_id}}"
    return [
        Endpoint(
            method="GET",
            path=f"{one}/document",
            operation_id="downloadCreditNote",
            summary="Download a credit note's document (generalInvoiceRequest 5.0 or 4.5)",
            handler=operations.credit_note_document,
            roles=EVERY_ROLE,
            response_media_type="application/xml",
            problem_codes=("credit-note-not-found",),
        ),
        Endpoint(
            method="GET",
            path=f"{one}/pdf",
            operation_id="printCreditNote",
            summary="Download a credit note on paper, without a payment slip",
            handler=operations.credit_note_pdf,
            roles=EVERY_ROLE,
            response_media_type="application/pdf",
            problem_codes=("credit-note-not-found", "document-not-printable", "unprintable-text"),
        ),
    ]
