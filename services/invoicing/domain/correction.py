"""What may still be done about a wrong invoice, and what it leads to.

It depends on where the invoice is: in no order it is cancelled; in an order that has not left, that
order is withdrawn first; once the factor has it, a credit note goes into the next order. That holds
for a cancelled invoice, too, which an order took along meanwhile: the factor must be told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from services.invoicing.domain.insurance import Insurance
from services.invoicing.domain.invoice import Invoice, InvoiceState, Standing, StoredDocument
from services.invoicing.domain.order import Placement
from shared.kernel.clock import SWISS_TIME
from shared.kernel.errors import ConflictError, DomainError
from shared.kernel.money import Money


class Way(StrEnum):
    """The one way in which an invoice can be corrected now."""

    CANCEL = "cancel"
    WITHDRAW_FIRST = "withdraw-first"
    CREDIT_NOTE = "credit-note"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Cancellation:
    """Who cancelled an invoice, when and why.

    Attributes:
        replaced_by: the corrected invoice that takes its place, or None.
    """

    invoice_id: UUID
    reason_code: str
    cancelled_at: datetime
    cancelled_by: str
    replaced_by: UUID | None = None

    @property
    def cancelled_on(self) -> date:
        """The calendar day in Switzerland."""
        return self.cancelled_at.astimezone(SWISS_TIME).date()


@dataclass(frozen=True, slots=True)
class NewContent:
    """What the corrected invoice is to bill.

    Attributes:
        insurance: of the insurer that is to owe it; None: tiers garant.
        keeps_insurance: whether it has the wrong invoice's instead, whichever that is.
    """

    treatment_ids: tuple[UUID, ...]
    contract_id: UUID | None
    deposit: Money
    payment_period_days: int
    discount_percent: Decimal = Decimal(0)
    insurance: Insurance | None = None
    keeps_insurance: bool = False


@dataclass(frozen=True, slots=True)
class CreditNoteDraft:
    """What a credit note says, before its document is stored.

    Attributes:
        year, serial: make the number; serial counts without a gap per practice and year.
        amount: by how much the invoice is reduced; positive.
    """

    credit_note_id: UUID
    practice_id: UUID
    invoice_id: UUID
    year: int
    serial: int
    amount: Money
    reason_code: str
    issued_at: datetime
    issued_by: str

    @property
    def number(self) -> str:
        """The number that people read ("CN-2026-000001")."""
        return f"CN-{self.year:04d}-{self.serial:06d}"

    @property
    def issued_on(self) -> date:
        """The calendar day in Switzerland."""
        return self.issued_at.astimezone(SWISS_TIME).date()


@dataclass(frozen=True, slots=True)
class CreditNote(CreditNoteDraft):
    """A credit note as it was issued; it never changes afterwards."""

    document: StoredDocument


def way_to_correct(standing: Standing, placements: Sequence[Placement]) -> Way:
    """Return what may be done about an invoice that has these places in orders."""
    live = [placement for placement in placements if placement.is_live]
    if standing.was_acquitted or any(placement.has_left for placement in live):
        return Way.CREDIT_NOTE
    if standing.state is InvoiceState.CANCELLED:
        return Way.NONE
    return Way.WITHDRAW_FIRST if live else Way.CANCEL


def check_cancellable(standing: Standing, placements: Sequence[Placement]) -> None:
    """Check that an invoice may be cancelled.

    Raises:
        ConflictError: it is in an order, or the factor has it; names the order and the way out.
    """
    way, number = way_to_correct(standing, placements), standing.invoice_number
    if standing.state is InvoiceState.CANCELLED:
        raise _cancelled(number)
    if way is Way.CANCEL:
        return
    if way is Way.WITHDRAW_FIRST:
        raise _in_unsent_order(number, placements)
    raise ConflictError(
        f"Invoice {number} is with the factor. Issue a credit note instead.",
        code="needs-credit-note",
        invoice_number=number,
    )


def check_creditable(
    standing: Standing,
    placements: Sequence[Placement],
    *,
    amount: Money,
    invoice: Invoice,
    credited: Money,
) -> None:
    """Check that an invoice may be reduced by this amount.

    Args:
        credited: what earlier credit notes reduced it by.

    Raises:
        ConflictError: the factor does not have the invoice; names the way out.
        DomainError: the amount is not positive, or more than is left of the invoice.
    """
    way, number = way_to_correct(standing, placements), standing.invoice_number
    if way is Way.NONE:
        raise _cancelled(number)
    if way is Way.WITHDRAW_FIRST:
        raise _in_unsent_order(number, placements)
    if way is Way.CANCEL:
        raise ConflictError(
            f"Invoice {number} is not with the factor. Cancel or correct it instead.",
            code="cancel-instead",
            invoice_number=number,
        )
    left = invoice.open_amount - credited
    if not Money.zero() < amount <= left:
        raise DomainError(
            f"A credit note on invoice {number} may come to {left.for_people()} at most.",
            code="credit-too-large",
            field="amount.amount",
        )


def _in_unsent_order(number: str, placements: Sequence[Placement]) -> ConflictError:
    order = next(placement for placement in placements if placement.is_live)
    return ConflictError(
        f"Invoice {number} is in order {order.order_number}, which has not been sent."
        " Withdraw that order first.",
        code="withdraw-order-first",
        invoice_number=number,
        order_id=str(order.order_id),
        order_number=order.order_number,
    )


def _cancelled(number: str) -> ConflictError:
    return ConflictError(
        f"Invoice {number} is cancelled.", code="invoice-cancelled", invoice_number=number
    )
