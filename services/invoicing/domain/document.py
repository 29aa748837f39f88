"""The content of an invoice's document, and the rules that the official schema leaves unchecked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from services.invoicing.domain import numbers
from services.invoicing.domain.discount import discount_lines
from services.invoicing.domain.insurance import Insurance
from services.invoicing.domain.invoice import NOTHING, invoice_number
from services.invoicing.domain.people import Debtor, Patient, Provider
from services.invoicing.domain.practice import Contract, Language, Practice
from services.invoicing.domain.rounding import rounding_line, to_five
from services.invoicing.domain.treatment import (
    Position,
    Reason,
    Treatment,
    VatLine,
    vat_lines,
)
from shared.kernel.clock import SWISS_TIME
from shared.kernel.errors import DomainError
from shared.kernel.ids import derived_id
from shared.kernel.money import Money


@dataclass(frozen=True, slots=True)
class DocumentLine:
    """One position as it stands on the document, with the GLN of who performed it."""

    position: Position
    provider_gln: str
    remark: str | None


@dataclass(frozen=True, slots=True)
class InvoiceDocument:
    """Everything that an invoice's document says.

    Attributes:
        issued_at: the instant of issue, UTC, whole seconds.
        providers: by id, everyone who performed a position.
        contract: None when the practice collects the money itself.
        discount_percent: what is taken off the treatments, 0 to 100.
        insurance: of an insurer that owes the invoice; None: tiers garant.
    """

    invoice_id: UUID
    year: int
    serial: int
    issued_at: datetime
    practice: Practice
    contract: Contract | None
    patient: Patient
    providers: dict[UUID, Provider]
    treatments: tuple[Treatment, ...]
    deposit: Money
    payment_period_days: int
    discount_percent: Decimal = Decimal(0)
    insurance: Insurance | None = None

    @property
    def number(self) -> str:
        """The invoice number."""
        return invoice_number(self.year, self.serial)

    @property
    def guid(self) -> str:
        """The document's identity, the same however often it is rendered."""
        return derived_id("invoice-document", self.invoice_id).hex

    @property
    def language(self) -> Language:
        """The patient's language, else the practice's."""
        return self.patient.language or self.practice.language

    @property
    def debtor(self) -> Debtor:
        """Who owes the invoice: the insurer, else the guarantor."""
        return self.guarantor if self.insurance is None else self.insurance.insurer.debtor

    @property
    def guarantor(self) -> Debtor:
        """Who answers for the patient, whoever owes the invoice: a guarantor, or the patient."""
        return self.patient.debtor

    @property
    def provider(self) -> Provider:
        """The provider of the first treatment."""
        return self.providers[self.treatments[0].provider_id]

    @property
    def begun_on(self) -> date:
        """First day of the treatments."""
        return min(treatment.begun_on for treatment in self.treatments)

    @property
    def ended_on(self) -> date:
        """Last day of the treatments."""
        return max(treatment.ended_on for treatment in self.treatments)

    @property
    def reason(self) -> Reason:
        """The reason that all treatments share."""
        return self.treatments[0].reason

    @property
    def issued_on(self) -> date:
        """The calendar day of issue in Switzerland."""
        return self.issued_at.astimezone(SWISS_TIME).date()

    @property
    def due_on(self) -> date:
        """The day by which the debtor must have paid."""
        return self.issued_on + timedelta(days=self.payment_period_days)

    @property
    def total(self) -> Money:
        """The sum of all positions, the lines of discount and rounding included."""
        return self._charged + self.rounding

    @property
    def rounding(self) -> Money:
        """What brings the amount to pay to the nearest 5 Rappen; nothing if nobody wants it.

        The deposit was paid as it is, so of the total only what is left of it can be rounded.
        """
        to_pay = self._charged - self.deposit
        return to_five(to_pay) - to_pay if self.practice.round_to_five else NOTHING

    @property
    def _charged(self) -> Money:
        treated = Money.total(treatment.total for treatment in self.treatments)
        return treated + Money.total(line.amount for line in self._discount())

    def _discount(self) -> tuple[Position, ...]:
        if not self.discount_percent:
            return ()
        by_rate = vat_lines(one for each in self.treatments for one in each.positions)
        return tuple(discount_lines(self.discount_percent, by_rate, self.language, self.ended_on))

    @property
    def balance(self) -> Money:
        """What remains to be paid."""
        return self.total - self.deposit

    @property
    def vat(self) -> tuple[VatLine, ...]:
        """The tax by rate."""
        return vat_lines(line.position for line in self.lines())

    @property
    def qr_reference(self) -> str | None:
        """The reference on the payment slip; only a factor's slip has one."""
        if self.contract is None:
            return None
        return numbers.qr_reference(
            account_number=self.contract.account_number,
            practice_gln=self.practice.gln,
            year=self.year,
            serial=self.serial,
        )

    def lines(self) -> Iterator[DocumentLine]:
        """Return the positions, then discount and rounding; a remark stands with its first one."""
        for treatment in self.treatments:
            gln = self.providers[treatment.provider_id].gln
            for place, position in enumerate(treatment.positions):
                yield DocumentLine(position, gln, treatment.remark if place == 0 else None)
        for line in self._discount():
            yield DocumentLine(line, self.provider.gln, None)
        if self.rounding:
            line = rounding_line(self.rounding, self.language, self.ended_on)
            yield DocumentLine(line, self.provider.gln, None)

    def unfit_codes(self) -> tuple[str, ...]:
        """Return why the invoice cannot be handed to the factor, though it can be billed."""
        address = self.debtor.address
        found = {
            "missing-debtor-address": address is None,
            "missing-debtor-street": address is not None and address.street is None,
            "missing-ssn": self.patient.ssn is None,
            "doubtful-ssn": self.patient.ssn is not None
            and not numbers.is_ahv_number(self.patient.ssn),
            "minor-without-guarantor": self.insurance is None
            and self.patient.guarantor is None
            and self.patient.is_minor_on(self.issued_on),
        }
        return tuple(code for code, applies in found.items() if applies)


def check_document(document: InvoiceDocument) -> None:
    """Check what the schema does not: check digits, IBAN ranges, sums.

    Raises:
        DomainError: the document must not leave; names everything that is wrong, or says that it
            would charge a tax without the VAT number of the practice.
    """
    if document.practice.uid is None and any(line.rate for line in document.vat):
        raise DomainError(
            "There is value-added tax on the invoice, and the practice has no business number"
            " (UID) to stand beside it. Enter it with the practice.",
            code="uid-missing",
        )
    wrong = [name for name, holds in _rules(document) if not holds]
    if wrong:
        raise DomainError(
            f"The invoice cannot be issued: {', '.join(wrong)}.", code="document-invalid"
        )


def _rules(document: InvoiceDocument) -> Iterator[tuple[str, bool]]:
    yield "the practice's GLN is not valid", numbers.is_gln(document.practice.gln)
    for provider in document.providers.values():
        yield f"the provider's GLN {provider.gln} is not valid", numbers.is_gln(provider.gln)
    if document.insurance is not None:
        yield "the insurer's GLN is not valid", document.insurance.insurer.has_own_gln
        yield "a deposit cannot be where an insurer owes", document.deposit == NOTHING
    yield from _payment_rules(document)
    vat = document.vat
    yield (
        "the amounts by VAT rate do not add up",
        Money.total(line.amount for line in vat) == document.total,
    )
    yield (
        "the deposit is larger than the total",
        Money.zero() <= document.deposit <= document.total,
    )
    yield (
        "the discount is not a part of the price",
        Decimal(0) <= document.discount_percent <= Decimal(100),
    )
    yield (
        "a price is negative or not a number",
        all(_is_price(one) for each in document.treatments for one in each.positions),
    )


def _payment_rules(document: InvoiceDocument) -> Iterator[tuple[str, bool]]:
    contract, reference = document.contract, document.qr_reference
    if contract is None or reference is None:
        iban = document.practice.iban
        yield (
            "the practice's IBAN is not valid without a reference",
            numbers.is_swiss_iban(iban) and not numbers.is_qr_iban(iban),
        )
        return
    yield "the factor's GLN is not valid", numbers.is_gln(contract.factor_gln)
    yield "the factor's IBAN is not a QR-IBAN", numbers.is_qr_iban(contract.qr_iban)
    yield "the QR reference is not valid", numbers.is_qr_reference(reference)


def _is_price(position: Position) -> bool:
    values = (position.quantity, position.points, position.point_value, position.vat_rate)
    return all(value.is_finite() and value >= Decimal(0) for value in values)
