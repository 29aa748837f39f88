"""An invoice as it is printed: what its stored document says, in the order of a letter."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from services.invoicing.domain.countries import HOME_COUNTRY
from services.invoicing.domain.insurance import Law, Tiers
from services.invoicing.domain.practice import Language
from shared.kernel.money import Money

NO_SUCH_PLACE = "0000"
"""The postal code of a document that does not know where somebody lives."""


@dataclass(frozen=True, slots=True)
class SheetParty:
    """A name and an address on paper.

    Attributes:
        further: what stands between name and street: an office's department and contact person.
            The QR slip has no place for it.
        country: ISO 3166, two letters; it stands before a postal code abroad, as on the QR slip.
    """

    name: str
    street: str | None
    house_no: str | None
    zip: str
    city: str
    further: tuple[str, ...] = ()
    country: str = HOME_COUNTRY

    @property
    def has_address(self) -> bool:
        """Whether the document knows where the party lives."""
        return self.zip != NO_SUCH_PLACE

    @property
    def lines(self) -> tuple[str, ...]:
        """The lines of the address, name first; of an address that is not known the name alone."""
        if not self.has_address:
            return (self.name,)
        street = " ".join(part for part in (self.street, self.house_no) if part)
        abroad = "" if self.country == HOME_COUNTRY else f"{self.country}-"
        lines = (self.name, *self.further, street, f"{abroad}{self.zip} {self.city}")
        return tuple(line for line in lines if line)


@dataclass(frozen=True, slots=True)
class SheetLine:
    """One position on paper."""

    day: date
    tariff: str
    code: str
    text: str
    tooth: str | None
    quantity: Decimal
    points: Decimal | None
    point_value: Decimal | None
    amount: Money


@dataclass(frozen=True, slots=True)
class SheetSlip:
    """What the QR slip asks for.

    Attributes:
        reference: 27 digits under a QR-IBAN; None under an ordinary IBAN.
    """

    iban: str
    creditor: SheetParty
    reference: str | None


@dataclass(frozen=True, slots=True)
class SheetInsurance:
    """Why an insurer owes: tiers payant or soldant, the law, and the numbers as far as said."""

    tiers: Tiers
    law: Law
    insured_number: str | None
    case_number: str | None
    case_date: date | None


@dataclass(frozen=True, slots=True)
class SheetCredit:
    """Which credit note a sheet is; its other data are those of the invoice that it reduces."""

    number: str
    issued_on: date


@dataclass(frozen=True, slots=True)
class InvoiceSheet:
    """A printed invoice, or a credit note on it.

    Attributes:
        credit: of a credit note, its number and day; then the amounts are negative.
        vat: tax by rate (per cent, amount with the tax, tax), without the rate 0.
        cancelled: whether it must not be paid any more, and says so across the page.
        slip: None when nothing is to be paid.
        insurance: None tiers garant.
    """

    number: str
    language: Language
    issued_on: date
    due_on: date
    practice: SheetParty
    practice_gln: str
    debtor: SheetParty
    patient_name: str
    patient_birth_date: date
    provider_name: str | None
    provider_gln: str | None
    lines: tuple[SheetLine, ...]
    total: Money
    deposit: Money
    due: Money
    vat: tuple[tuple[Decimal, Money, Money], ...]
    vat_number: str | None
    slip: SheetSlip | None
    cancelled: bool = False
    insurance: SheetInsurance | None = None
    credit: SheetCredit | None = None
