"""A credit note on an invoice that the factor has: it waits for the next order of its contract.

If the factor turns out not to have the invoice, the note is released: the books settle it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from services.orders.domain.model import StoredContent
from services.orders.domain.room import how_many_fit
from shared.kernel.ids import ContractId, InvoiceId, OrderId, PracticeId
from shared.kernel.money import Money

CREDIT_NOTES_PER_ORDER_MAX = 10_000
CREDIT_NOTE_BYTES_PER_ORDER_MAX = 30_000_000
"""What the documents of an order's credit notes come to at most, before they are packed."""
CANCELLED = "cancelled"
"""The unfit code of an invoice that was cancelled; no order takes it."""
CREDIT_NOTE_PENDING = "credit-note-pending"
"""The unfit code of an invoice until the books have settled a credit note that was released."""


@dataclass(frozen=True, slots=True)
class CreditNote:
    """A credit note as invoicing issued it.

    Attributes:
        amount: by how much the invoice is reduced; positive.
        document: the stored XML; orders never opens it.
    """

    credit_note_id: UUID
    practice_id: PracticeId
    contract_id: ContractId
    invoice_id: InvoiceId
    number: str
    debtor_number: str
    amount: Money
    document: StoredContent
    issued_on: date


@dataclass(frozen=True, slots=True)
class PackedCreditNote:
    """A credit note at its place in an order's package.

    Attributes:
        place: position among the package's credit notes, counted from 1.
        invoice_number: the invoice that it reduces; another order handed that one over.
    """

    place: int
    credit_note_id: UUID
    number: str
    invoice_number: str
    debtor_number: str
    amount: Money
    document: StoredContent


@dataclass(frozen=True, slots=True)
class ReleasedCreditNote:
    """A credit note that goes into no order.

    Attributes:
        order_id: the last order that held its invoice.
    """

    credit_note_id: UUID
    practice_id: PracticeId
    contract_id: ContractId
    invoice_id: InvoiceId
    order_id: OrderId
    number: str
    amount: Money


def with_room(notes: Sequence[PackedCreditNote]) -> list[PackedCreditNote]:
    """Return the first credit notes, as many as an order has room for; the others wait."""
    room = how_many_fit(
        (note.document.size_bytes for note in notes),
        count_max=CREDIT_NOTES_PER_ORDER_MAX,
        bytes_max=CREDIT_NOTE_BYTES_PER_ORDER_MAX,
    )
    return list(notes[:room])
