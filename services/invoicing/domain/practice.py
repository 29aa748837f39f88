"""A practice and its factoring contracts: who bills, and on which terms a factor takes over."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from services.invoicing.domain.countries import HOME_COUNTRY


class Language(StrEnum):
    """The language of an invoice."""

    GERMAN = "de"
    FRENCH = "fr"
    ITALIAN = "it"


CANTONS = frozenset(
    {
        *("AG", "AI", "AR", "BE", "BL", "BS", "FR", "GE", "GL", "GR", "JU", "LU", "NE"),
        *("NW", "OW", "SG", "SH", "SO", "SZ", "TG", "TI", "UR", "VD", "VS", "ZG", "ZH"),
    }
)


@dataclass(frozen=True, slots=True)
class Address:
    """A postal address; the street may be missing, in a village or when it is not known.

    Attributes:
        country: ISO 3166, two letters.
    """

    street: str | None
    house_no: str | None
    zip: str
    city: str
    country: str = HOME_COUNTRY

    @property
    def street_line(self) -> str | None:
        """Street and house number as they are written on a letter."""
        if self.street is None:
            return None
        return f"{self.street} {self.house_no}" if self.house_no else self.street


@dataclass(frozen=True, slots=True)
class Practice:
    """A dental practice, the client of the factor.

    Attributes:
        gln: its own GLN, unique among all practices.
        zsr: register number for social insurers, or None.
        uid: business number without separators, or None.
        canton: two letters; decides the tariff's canton and the holidays.
        iban: where it is paid when no factor stands between; never a QR-IBAN.
        round_to_five: whether what is to be paid comes to whole 5 Rappen, by a line of the invoice.
        version: counts the changes, from 1.
    """

    practice_id: UUID
    name: str
    address: Address
    gln: str
    zsr: str | None
    uid: str | None
    canton: str
    language: Language
    iban: str
    round_to_five: bool = False
    version: int = 1


@dataclass(frozen=True, slots=True)
class PortalTerms:
    """How orders of a contract reach the portal, and its arrival clock."""

    adapter: str
    arrival_check_after_seconds: int
    arrival_poll_interval_seconds: int
    arrival_deadline_working_days: int
    deb_poll_interval_seconds: int
    deb_layout: str


PAYMENT_ORDER = ("costs", "interest", "reminder_fees", "principal")
"""In which order a debtor's payment settles what is owed, where nothing else is agreed."""


@dataclass(frozen=True, slots=True)
class Contract:
    """A factoring contract; its terms are data, since they differ from practice to practice.

    Attributes:
        factor: short name ("CMD").
        account_number: the practice's account at the factor.
        ledger_account: the factor's account in the practice's books.
        qr_iban: the factor's QR-IBAN, printed on the payment slip.
        payout_basis: "gross" or "net".
        reminder_fee_beneficiary: "factor" or "practice".
        loss_cover: whether the factor bears a loss.
        acquittal: "automatic" or "manual".
        deb_booking: "automatic", or "review" where a person looks at each DEB file first.
        payment_order: the components of a debt in the order in which a payment settles them.
        version: counts the changes of the terms, from 1.
        invoice_format: version of the official format that its invoices are written in.
    """

    contract_id: UUID
    practice_id: UUID
    factor: str
    factor_name: str
    factor_address: Address
    factor_gln: str
    account_number: str
    ledger_account: str
    acquittal_label: str
    qr_iban: str
    payout_term_days: int
    payout_basis: str
    reminder_fee_beneficiary: str
    loss_cover: bool
    acquittal: str
    portal: PortalTerms
    version: int = 1
    active: bool = True
    invoice_format: str = "5.0"
    deb_booking: str = "automatic"
    payment_order: tuple[str, ...] = PAYMENT_ORDER
