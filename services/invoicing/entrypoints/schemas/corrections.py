"""Bodies about printing, cancelling, correcting and crediting invoices."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from services.invoicing.entrypoints.schemas.fields import Payment, money
from services.invoicing.entrypoints.schemas.invoices import InvoiceRequest
from shared.contracts.envelope import Code, WireMoney
from shared.web.endpoints import ApiModel
from shared.web.paging import Page, Totals

_REASON = Field(description="Why, as a stable code", examples=["wrong-address"])


class PrintedRequest(ApiModel):
    """Invoices that were printed."""

    invoice_ids: Annotated[list[UUID], Field(min_length=1, max_length=500)]


class PrintedAnswer(ApiModel):
    """How many invoices were marked now, and how many had been marked before."""

    newly_printed: int
    printed_before: int


class RenderRequest(ApiModel):
    """Invoices whose documents are to be written in the version that their contracts demand."""

    invoice_ids: Annotated[list[UUID], Field(min_length=1, max_length=100)]


class NotRenderedAnswer(ApiModel):
    """An invoice whose document stays as it is, and why."""

    invoice_id: UUID
    invoice_number: str
    code: str
    detail: str


class RenderedAnswer(ApiModel):
    """How many documents were written anew, and how many were right before."""

    newly_rendered: int
    rendered_before: int
    not_rendered: list[NotRenderedAnswer]


class CancelRequest(ApiModel):
    """Why an invoice is cancelled."""

    reason_code: Annotated[Code, _REASON]


class CorrectRequest(ApiModel):
    """Why an invoice is replaced, and what the corrected one bills."""

    reason_code: Annotated[Code, _REASON]
    invoice: Annotated[
        InvoiceRequest | None,
        Field(description="null: bill the same again, with the names and addresses of today"),
    ] = None


class CreditNoteRequest(ApiModel):
    """By how much an invoice that the factor has is reduced, and why."""

    amount: Annotated[Payment, Field(description="Positive; at most what is left of the invoice")]
    reason_code: Annotated[Code, _REASON]


class CreditNoteAnswer(ApiModel):
    """A credit note."""

    credit_note_id: UUID
    credit_note_number: str
    invoice_id: UUID
    amount: WireMoney
    reason_code: str
    issued_on: date
    issued_at: datetime
    issued_by: str
    document_sha256: str
    settled_on: Annotated[
        date | None,
        Field(description="Settled in the books without the factor, which refused the invoice"),
    ]
    state: Annotated[
        Literal["for-the-factor", "settled"],
        Field(description="Goes to the factor with an order, or is settled without it"),
    ]


class CreditNoteTotals(Totals):
    """How many credit notes there are, and what they come to."""

    amount: WireMoney | None


class CreditNoteList(Page):
    """The credit notes of an invoice, by number."""

    items: list[CreditNoteAnswer]
    totals: CreditNoteTotals | None


def credit_note_answer(row: Any) -> CreditNoteAnswer:
    """Write a credit note."""
    same = set(CreditNoteAnswer.model_fields) - {"amount", "state"}
    return CreditNoteAnswer(
        amount=money(row["amount_rappen"]),
        state="for-the-factor" if row["settled_on"] is None else "settled",
        **{name: row[name] for name in same},
    )
