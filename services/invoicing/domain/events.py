"""What invoicing tells the other services, in its own words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from services.invoicing.domain.cancellation_wish import CancellationWish
from services.invoicing.domain.correction import Cancellation, CreditNote
from services.invoicing.domain.invoice import Invoice
from services.invoicing.domain.practice import Contract, Practice
from services.invoicing.domain.rendition import Rendition


@dataclass(frozen=True, slots=True)
class PracticeWasRegistered:
    """A practice exists."""

    practice: Practice
    registered_at: datetime


@dataclass(frozen=True, slots=True)
class ContractHasChanged:
    """A contract was made or changed."""

    contract: Contract


@dataclass(frozen=True, slots=True)
class InvoiceWasIssued:
    """An invoice was issued and its document stored.

    Attributes:
        document_number: the number on the document, if it is another one than that of the house.
    """

    invoice: Invoice
    document_number: str | None = None


@dataclass(frozen=True, slots=True)
class DocumentWasRendered:
    """An invoice's document was written anew, in the version of its contract."""

    invoice: Invoice
    rendition: Rendition


@dataclass(frozen=True, slots=True)
class InvoiceWasCancelled:
    """An invoice was cancelled; a corrected one may replace it."""

    invoice: Invoice
    cancellation: Cancellation


@dataclass(frozen=True, slots=True)
class CreditNoteWasIssued:
    """An invoice that the factor has was reduced."""

    credit_note: CreditNote
    invoice: Invoice


@dataclass(frozen=True, slots=True)
class WithdrawalWasWished:
    """An order is wanted back, so that an invoice of it can be cancelled."""

    invoice: Invoice
    wish: CancellationWish


InvoicingEvent = (
    PracticeWasRegistered
    | ContractHasChanged
    | InvoiceWasIssued
    | DocumentWasRendered
    | InvoiceWasCancelled
    | CreditNoteWasIssued
    | WithdrawalWasWished
)
