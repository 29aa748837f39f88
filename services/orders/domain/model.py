"""What orders knows of practices, contracts and invoices: what it needs to choose and to pack."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from services.orders.domain.notices import Notice
from shared.kernel.ids import ContractId, InvoiceId, OrderId, PracticeId
from shared.kernel.money import Money

USUAL_FORMAT = "5.0"
"""The invoice format of a contract that says nothing of it."""


@dataclass(frozen=True, slots=True)
class StoredContent:
    """Bytes that rest in the object store, and what they must hash to."""

    key: str
    sha256: str
    size_bytes: int
    media_type: str


@dataclass(frozen=True, slots=True)
class Practice:
    """A practice that may send orders.

    Attributes:
        canton: decides its holidays; None where it was never told here.
    """

    practice_id: PracticeId
    gln: str
    canton: str | None = None


@dataclass(frozen=True, slots=True)
class Contract:
    """A factoring contract in its newest known version.

    Attributes:
        arrival_deadline_working_days: after so many without arrival an order is overdue.
        invoice_format: version of the official format that the factor wants invoices in.
    """

    contract_id: ContractId
    practice_id: PracticeId
    version: int
    active: bool
    factor: str
    account_number: str
    arrival_deadline_working_days: int = 1
    invoice_format: str = USUAL_FORMAT


@dataclass(frozen=True, slots=True)
class Invoice:
    """An issued invoice as it may be ordered.

    Attributes:
        balance: what the debtor still owes by the books.
        document: the stored XML; orders never opens it.
        unfit_codes: why invoicing says that it cannot be sent; empty when fit.
        document_format: version of the official format that the document is in; None: not told.
    """

    invoice_id: InvoiceId
    practice_id: PracticeId
    contract_id: ContractId | None
    number: str
    debtor_number: str
    issued_on: date
    due_on: date
    total: Money
    balance: Money
    document: StoredContent
    unfit_codes: tuple[str, ...] = ()
    document_number: str | None = None
    document_format: str | None = None

    @property
    def outside_number(self) -> str:
        """The number by which the factor knows the invoice: that on its document."""
        return self.document_number or self.number


@dataclass(frozen=True, slots=True)
class OrderLine:
    """One invoice of an order, with the amount that is handed over and the frozen document.

    Attributes:
        place: position in the package, counted from 1.
        notices: what the factor is told of this invoice's debtor.
    """

    place: int
    invoice_id: InvoiceId
    invoice_number: str
    debtor_number: str
    amount: Money
    document: StoredContent
    notices: tuple[Notice, ...] = ()


@dataclass(frozen=True, slots=True)
class ConfirmedLine:
    """What became of one line: taken over, or refused with the factor's code."""

    invoice_id: InvoiceId
    invoice_number: str
    amount: Money
    refusal_code: str | None = None

    @property
    def accepted(self) -> bool:
        """Whether the factor took the invoice over."""
        return self.refusal_code is None


@dataclass(frozen=True, slots=True)
class ArrivalEvidence:
    """How it is known that an order arrived.

    Attributes:
        kind: "portal-status", "already-have-it" or "person".
        reference: what was seen, in the words of the one who saw it.
    """

    kind: str
    reference: str
    observed_at: datetime


@dataclass(frozen=True, slots=True)
class Observation:
    """What a person says to have seen of an order at the factor.

    Attributes:
        by: who says so.
        seen: in their own words.
    """

    by: str
    observed_at: datetime
    reference: str
    seen: str


@dataclass(frozen=True, slots=True)
class ArrivalAnswer:
    """What the portal says of one invoice."""

    invoice_number: str
    accepted: bool
    refusal_code: str | None = None


@dataclass(frozen=True, slots=True)
class Arrival:
    """The portal's whole answer to an order."""

    order_id: UUID
    practice_id: UUID
    answers: tuple[ArrivalAnswer, ...]


@dataclass(frozen=True, slots=True)
class InFlight:
    """The order that closes the gate of its practice and contract.

    Attributes:
        since: when its present state began.
    """

    order_id: OrderId
    number: str
    state: str
    since: datetime
