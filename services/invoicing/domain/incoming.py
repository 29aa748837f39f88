"""An invoice as a file from other practice software tells it, and what became of the file.

Nothing here is believed yet: `incoming_rules` says what is wrong with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from services.invoicing.domain.insurance import Law, Tiers
from services.invoicing.domain.people import DebtorName, Gender, PersonName, Sex
from services.invoicing.domain.practice import Address, Language
from services.invoicing.domain.treatment import Reason


@dataclass(frozen=True, slots=True)
class Fault:
    """One reason why a file cannot be taken over.

    Attributes:
        code: stable kebab-case reason.
        reason: in plain words.
        field: which part of the invoice, or where in the document the schema stumbled.
        line, column: in the file, counted from 1, as far as they are known.
    """

    code: str
    reason: str
    field: str | None = None
    line: int | None = None
    column: int | None = None


@dataclass(frozen=True, slots=True)
class GivenFile:
    """A file of an upload as it came: an invoice or an archive of some, under the sender's name."""

    name: str
    data: bytes


class SlipKind(StrEnum):
    """How the invoice wants to be paid."""

    QR_REFERENCE = "qr-reference"
    OTHER_QR = "other-qr"
    ABOLISHED = "abolished"


@dataclass(frozen=True, slots=True)
class Slip:
    """The payment slip: a QR reference, another QR slip, or one that no bank takes any more."""

    kind: SlipKind
    iban: str | None
    reference: str | None


@dataclass(frozen=True, slots=True)
class IncomingProvider:
    """Who treated the patient."""

    gln: str
    zsr: str | None
    title: str | None
    family_name: str
    given_name: str


@dataclass(frozen=True, slots=True)
class IncomingDebtor:
    """Who answers for the patient (guarantor), and owes tiers garant: a person, or an office."""

    name: DebtorName
    address: Address | None


@dataclass(frozen=True, slots=True)
class IncomingInsurance:
    """The insurer of an invoice that is not tiers garant, and by which law it owes.

    Attributes:
        tiers: payant or soldant.
        name: an insurer is an office; a file may name a person all the same.
        debtor_gln: GLN of who owes by the document.
    """

    tiers: Tiers
    gln: str
    name: DebtorName
    address: Address | None
    debtor_gln: str
    law: Law
    insured_number: str | None
    case_number: str | None
    case_date: date | None


@dataclass(frozen=True, slots=True)
class IncomingPatient:
    """Who was treated; `ssn` is the number as the document says it, or None."""

    family_name: str
    given_name: str
    birth_date: date
    sex: Sex
    gender: Gender
    ssn: str | None
    address: Address | None

    def name(self) -> tuple[str, str]:
        """The name, for comparing."""
        return self.family_name.casefold(), self.given_name.casefold()


@dataclass(frozen=True, slots=True)
class IncomingService:
    """One line of the invoice; `plain` says whether it is quantity × points × point value."""

    place: int
    tariff_type: str
    code: str
    text: str
    performed_on: date
    quantity: Decimal
    points: Decimal
    point_value: Decimal
    external_factor: Decimal
    amount: Decimal
    vat_rate: Decimal
    tooth: str | None
    glns: tuple[str, ...]
    plain: bool

    @property
    def field(self) -> str:
        """Where it stands, for a fault."""
        return f"services.{self.place}"


@dataclass(frozen=True, slots=True)
class IncomingVat:
    """What one VAT rate contributes."""

    rate: Decimal
    amount: Decimal
    vat: Decimal


@dataclass(frozen=True, slots=True)
class IncomingBalance:
    """The sums as the document says them, in francs, decimals and all.

    Attributes:
        vat_number: of the biller, whatever it is; None if the document names none.
    """

    amount: Decimal
    reminder: Decimal
    prepaid: Decimal
    due: Decimal
    vat: Decimal
    vat_rates: tuple[IncomingVat, ...]
    vat_number: str | None = None

    @property
    def is_taxed(self) -> bool:
        """Whether there is tax in the amount."""
        return any(rate.vat for rate in self.vat_rates)


@dataclass(frozen=True, slots=True)
class IncomingInvoice:
    """Everything that is taken over of a generalInvoiceRequest.

    Attributes:
        version: "4.5" or "5.0".
        is_original: False for a reminder, a copy, a refund or a cancellation.
        insurance: None tiers garant, whatever insurer such a file may name.
        transport_glns: sender and intermediates.
        content_sha256: hash of what the document says, whoever sent it when.
        lines: line of each field in the file, as far as known.
        is_trial: whether it says that it is no real invoice, but a test.
    """

    version: str
    language: Language
    is_original: bool
    number: str
    issued_at: datetime
    timestamp: int
    biller_gln: str
    transport_glns: tuple[str, ...]
    provider: IncomingProvider
    patient: IncomingPatient
    debtor: IncomingDebtor
    insurance: IncomingInsurance | None
    slip: Slip
    payment_period_days: int
    balance: IncomingBalance
    begun_on: date
    ended_on: date
    reason: Reason
    remark: str | None
    services: tuple[IncomingService, ...]
    content_sha256: str
    issued_on: date
    lines: Mapping[str, int] = field(default_factory=dict)
    is_trial: bool = False

    @property
    def due_on(self) -> date:
        """The day by which the debtor must have paid."""
        return self.issued_on + timedelta(days=self.payment_period_days)

    @property
    def owing_address(self) -> Address | None:
        """The address of who owes: the insurer, or the guarantor."""
        return self.debtor.address if self.insurance is None else self.insurance.address

    def debtor_is_patient(self) -> bool:
        """Whether the patient has no other guarantor."""
        owes = self.debtor.name
        return isinstance(owes, PersonName) and owes.compared() == self.patient.name()


@dataclass(frozen=True, slots=True)
class IncomingFile:
    """One file of an upload, as it was read.

    Attributes:
        data: its bytes; empty when they were never unpacked.
        invoice: None if it cannot be read; then `faults` says why.
    """

    name: str
    data: bytes
    invoice: IncomingInvoice | None
    faults: tuple[Fault, ...] = ()


class ImportOutcome(StrEnum):
    """What became of a file."""

    IMPORTED = "imported"
    ALREADY_KNOWN = "already-known"
    REFUSED = "refused"
    CONFLICT = "conflict"


@dataclass(frozen=True, slots=True)
class Namesake:
    """A patient on record with the name and birth date of somebody else, at another address."""

    patient_id: UUID
    patient_number: str
    family_name: str
    given_name: str


@dataclass(frozen=True, slots=True)
class FileReport:
    """What became of one file of an upload.

    Attributes:
        invoice_id: the invoice imported, known already, or in conflict with the file.
        conflict_id: of the conflict to decide.
        found_conflict: whether that conflict was not known before.
        unfit_codes: why the imported invoice cannot be ordered.
        namesakes: who may be the patient, too; the invoice is under a record of its own. Told when
            the file is imported, and again whenever it comes.
    """

    name: str
    outcome: ImportOutcome
    invoice_number: str | None = None
    invoice_id: UUID | None = None
    conflict_id: UUID | None = None
    unfit_codes: tuple[str, ...] = ()
    faults: tuple[Fault, ...] = ()
    namesakes: tuple[Namesake, ...] = ()
    found_conflict: bool = False
