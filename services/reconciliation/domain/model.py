"""What the books know: contracts, confirmations, and the two running positions per invoice."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from shared.kernel.money import Money


class Component(StrEnum):
    """What a debtor's debt is made of."""

    PRINCIPAL = "principal"
    REMINDER_FEES = "reminder_fees"
    INTEREST = "interest"
    COSTS = "costs"


PAYMENT_ORDER = (
    Component.COSTS,
    Component.INTEREST,
    Component.REMINDER_FEES,
    Component.PRINCIPAL,
)
"""A debtor's payment settles the components in this order, where a contract names no other.

Costs come first by art. 85 CO.
"""
_ZERO = Money.zero()


@dataclass(frozen=True, slots=True)
class Debt:
    """What a debtor owes (D), by component; also a change of it, with signs."""

    principal: Money = _ZERO
    reminder_fees: Money = _ZERO
    interest: Money = _ZERO
    costs: Money = _ZERO

    @classmethod
    def of(cls, component: Component, amount: Money) -> Debt:
        """Return a debt of one component only."""
        return cls(**{component.value: amount})

    def part(self, component: Component) -> Money:
        """Return one component."""
        value: Money = getattr(self, component.value)
        return value

    @property
    def total(self) -> Money:
        """The sum of the components."""
        return Money(
            self.principal.rappen
            + self.reminder_fees.rappen
            + self.interest.rappen
            + self.costs.rappen
        )

    @property
    def is_sound(self) -> bool:
        """Whether no component is below zero."""
        return (
            self.principal.rappen >= 0
            and self.reminder_fees.rappen >= 0
            and self.interest.rappen >= 0
            and self.costs.rappen >= 0
        )

    def __neg__(self) -> Debt:
        return Debt(-self.principal, -self.reminder_fees, -self.interest, -self.costs)

    def __add__(self, change: Debt) -> Debt:
        return Debt(
            self.principal + change.principal,
            self.reminder_fees + change.reminder_fees,
            self.interest + change.interest,
            self.costs + change.costs,
        )


class AcquittalMode(StrEnum):
    """Whether confirmed invoices are acquitted at once or by a person."""

    AUTOMATIC = "automatic"
    MANUAL = "manual"


class DebBooking(StrEnum):
    """Whether a DEB file is booked at once or waits for a person."""

    AUTOMATIC = "automatic"
    REVIEW = "review"


class Beneficiary(StrEnum):
    """Who gets a fee that the debtor is charged."""

    FACTOR = "factor"
    PRACTICE = "practice"


@dataclass(frozen=True, slots=True)
class Practice:
    """A practice whose books are kept here."""

    practice_id: UUID
    gln: str
    canton: str
    language: str
    registered_at: datetime


@dataclass(frozen=True, slots=True)
class Contract:
    """The present terms of a factoring contract, as far as the books need them.

    Attributes:
        payment_order: the components in the order in which a debtor's payment settles them.
    """

    contract_id: UUID
    practice_id: UUID
    version: int
    active: bool
    factor: str
    account_number: str
    ledger_account: str
    acquittal_label: str
    acquittal: AcquittalMode
    payout_basis: str
    reminder_fee_beneficiary: Beneficiary
    loss_cover: bool
    deb_layout: str
    deb_booking: DebBooking = DebBooking.AUTOMATIC
    payment_order: tuple[Component, ...] = PAYMENT_ORDER


@dataclass(frozen=True, slots=True)
class NewInvoice:
    """An invoice that was just issued.

    Attributes:
        balance: total less deposit; the principal that the debtor owes.
        document_number: the number on its document, where it has another one in this house.
    """

    invoice_id: UUID
    practice_id: UUID
    invoice_number: str
    contract_id: UUID | None
    debtor_number: str
    issued_on: date
    due_on: date
    total: Money
    deposit: Money
    balance: Money
    document_number: str | None = None


@dataclass(frozen=True, slots=True)
class LiveAcquittal:
    """The acquittal that puts, or did put, an invoice with the factor."""

    order_id: UUID
    contract_id: UUID
    ledger_account: str


@dataclass(frozen=True, slots=True)
class Position:
    """An invoice's two running positions.

    Attributes:
        debt: D, what the debtor still owes, whoever the creditor is.
        factor_owes: P, the invoice's share of the factor account.
        acquittal: the live acquittal; None while the invoice is not with the factor.
        ended: the acquittal that the factor's recourse ended; None while there is a live one.
        document_number: by which it is known outside, where that is not the number of this house.
    """

    invoice_id: UUID
    invoice_number: str
    contract_id: UUID | None
    debtor_number: str
    issued_on: date
    debt: Debt
    factor_owes: Money = _ZERO
    acquittal: LiveAcquittal | None = None
    ended: LiveAcquittal | None = None
    document_number: str | None = None

    @property
    def numbers(self) -> tuple[str, ...]:
        """The numbers that mean this invoice: ours, and that of its document if it is another."""
        return tuple(one for one in (self.invoice_number, self.document_number) if one is not None)

    @property
    def with_factor(self) -> bool:
        """Whether the balance carries the asterisk."""
        return self.acquittal is not None

    @property
    def given_back(self) -> bool:
        """Whether the factor had the invoice and gave it back."""
        return self.acquittal is None and self.ended is not None

    @property
    def given_back_by(self) -> UUID | None:
        """The order of the acquittal that a recourse ended; None if the factor has the invoice."""
        return self.ended.order_id if self.acquittal is None and self.ended is not None else None

    @property
    def latest_acquittal(self) -> LiveAcquittal | None:
        """The live acquittal, else the one that was ended last."""
        return self.acquittal or self.ended

    @property
    def present_contract_id(self) -> UUID | None:
        """The contract under which the factor has or had it, else the one it was issued under."""
        acquittal = self.latest_acquittal
        return self.contract_id if acquittal is None else acquittal.contract_id

    def moved(self, debt_change: Debt, factor_change: Money) -> Position:
        """Return the position after a fact."""
        return Position(
            invoice_id=self.invoice_id,
            invoice_number=self.invoice_number,
            contract_id=self.contract_id,
            debtor_number=self.debtor_number,
            issued_on=self.issued_on,
            debt=self.debt + debt_change,
            factor_owes=self.factor_owes + factor_change,
            acquittal=self.acquittal,
            ended=self.ended,
            document_number=self.document_number,
        )


@dataclass(frozen=True, slots=True)
class PreparedOrder:
    """An order that exists; whether it arrived is not known yet.

    Attributes:
        prepared_at, total: None for an order that was noted before they were kept.
    """

    order_id: UUID
    practice_id: UUID
    order_number: str
    contract_id: UUID
    prepared_at: datetime | None = None
    total: Money | None = None


@dataclass(frozen=True, slots=True)
class ConfirmationLine:
    """What became of one invoice when its order arrived."""

    line: int
    invoice_id: UUID
    invoice_number: str
    amount: Money
    accepted: bool
    refusal_code: str | None


@dataclass(frozen=True, slots=True)
class Confirmation:
    """A confirmed arrival of an order: the only ground for acquitting anything of it.

    Attributes:
        content_sha256: of the confirmation document; another content under the same order id is
            never accepted.
    """

    order_id: UUID
    practice_id: UUID
    order_number: str
    contract_id: UUID
    accepted_count: int
    accepted_total: Money
    refused_count: int
    evidence_kind: str
    evidence_reference: str
    evidence_observed_at: datetime
    content_sha256: str
    confirmed_at: datetime
    acquitted_on: date | None = None


@dataclass(frozen=True, slots=True)
class Decided:
    """Which person decided something, and when."""

    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Acquittal:
    """One invoice acquitted against the factor account.

    Attributes:
        decided: the person who had it acquitted; None where the contract does it by itself.
    """

    acquittal_id: UUID
    practice_id: UUID
    invoice_id: UUID
    order_id: UUID
    contract_id: UUID
    amount: Money
    ledger_account: str
    label: str
    acquitted_on: date
    entry_id: UUID
    decided: Decided | None = None


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that happened to an invoice, and what it did to the two positions.

    Attributes:
        fact_id: derived from the cause, so that the same fact cannot be stored twice.
        entry_id: the journal entry it led to, or None when it does not touch the practice's book.
        invoice_id: None for a movement of the factor's current account, which is about no invoice.
        deb_file_id, deb_line: where it was read, or None when it came from an event.
        reverses: the fact that this one undoes.
        reversal_round: how many reversals of that fact were undone before.
    """

    fact_id: UUID
    practice_id: UUID
    invoice_id: UUID | None
    kind: str
    fact_date: date
    amount: Money | None
    debt_change: Debt
    factor_change: Money
    entry_id: UUID | None
    order_id: UUID | None = None
    deb_file_id: UUID | None = None
    deb_line: int | None = None
    note: str = ""
    reverses: UUID | None = None
    reversal_round: int = 0


@dataclass(frozen=True, slots=True)
class Content:
    """Where bytes rest, and what they must hash to."""

    key: str
    sha256: str
    size_bytes: int
    media_type: str


@dataclass(frozen=True, slots=True)
class FetchedFile:
    """A DEB file whose bytes are stored, before anything of it is known."""

    deb_file_id: UUID
    practice_id: UUID
    contract_id: UUID
    portal_file_id: str
    layout: str
    content: Content
    fetched_at: datetime
