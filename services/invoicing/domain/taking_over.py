"""Turns an invoice from outside into the house's own patient, provider, treatment and invoice.

A file names no patient or debtor numbers, so those are derived from the person: the same person
always gets the same number, in whichever file and however often.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from services.invoicing.domain.countries import HOME_COUNTRY
from services.invoicing.domain.incoming import (
    IncomingDebtor,
    IncomingInvoice,
    IncomingService,
    Namesake,
)
from services.invoicing.domain.insurance import Insurance, Insurer
from services.invoicing.domain.invoice import (
    Invoice,
    StoredDocument,
    invoice_number,
)
from services.invoicing.domain.known_patients import (
    ahv_number,
    derived_number,
)
from services.invoicing.domain.people import Debtor, OfficeName, Patient, Provider
from services.invoicing.domain.practice import Contract
from services.invoicing.domain.treatment import POSITION_MAX, Position, Treatment
from shared.kernel.ids import new_id
from shared.kernel.money import Money

OUTSIDE_SERIALS_FROM = 10_000_000
"""Serials of imported numbers of another form begin here, beyond those of the house's counter."""
_HOUSE_NUMBER = re.compile(r"([0-9]{4})-([0-9]{6,7})")
_TOOTH_MAX = 10


@dataclass(frozen=True, slots=True)
class ImportedInvoice:
    """An invoice that came from outside, ready to be kept.

    Attributes:
        treatment: what it bills, or None where the house's positions cannot say it exactly.
        document_number: the number on the document; a replacement has another one here.
        namesakes: of the patient, who is new; see FileReport.
    """

    invoice: Invoice
    treatment: Treatment | None
    document_number: str
    file_name: str
    version: str
    content_sha256: str
    namesakes: tuple[Namesake, ...] = ()


@dataclass(frozen=True, slots=True)
class KnownInvoice:
    """What is known of an invoice with a number that a file has, too.

    Attributes:
        namesakes: who was told of when it was imported.
    """

    invoice_id: UUID
    invoice_number: str
    document_number: str | None
    document_sha256: str
    content_sha256: str | None
    cancelled: bool
    namesakes: tuple[Namesake, ...] = ()

    def is_living_twin(self, sha256: str, content_sha256: str) -> bool:
        """Whether a file with these hashes is this invoice, sent once more, and not cancelled."""
        if self.cancelled:
            return False
        return self.document_sha256 == sha256 or self.content_sha256 == content_sha256


@dataclass(frozen=True, slots=True)
class ImportConflict:
    """A file with the number of a known invoice and other content; a person decides.

    Of a cancelled invoice it is a conflict whatever the content: the file would be its successor.

    Attributes:
        decision: "keep", "replace", or None while nobody has decided.
        replacement_id: the invoice that took the place of the known one.
        over_cancelled: whether the known invoice was cancelled when the file came.
    """

    conflict_id: UUID
    practice_id: UUID
    invoice_id: UUID
    invoice_number: str
    contract_id: UUID | None
    file_name: str
    document: StoredDocument
    found_at: datetime
    decision: str | None = None
    decided_at: datetime | None = None
    decided_by: str | None = None
    replacement_id: UUID | None = None
    over_cancelled: bool = False


def house_number(number: str) -> tuple[int, int] | None:
    """Return (year, serial) of a number that the house's own counter could draw, else None."""
    found = _HOUSE_NUMBER.fullmatch(number)
    if found is None:
        return None
    year, serial = int(found[1]), int(found[2])
    return (year, serial) if serial and invoice_number(year, serial) == number else None


def new_patient(practice_id: UUID, invoice: IncomingInvoice, *, number: str) -> Patient:
    """Return the patient of a file, under a number of their own."""
    incoming = invoice.patient
    guarantor = None if invoice.debtor_is_patient() else new_debtor(practice_id, invoice.debtor)
    return Patient(
        patient_id=new_id(),
        practice_id=practice_id,
        patient_number=number,
        family_name=incoming.family_name,
        given_name=incoming.given_name,
        birth_date=incoming.birth_date,
        sex=incoming.sex,
        gender=incoming.gender,
        ssn=ahv_number(incoming),
        language=invoice.language,
        address=incoming.address,
        guarantor=guarantor,
    )


def new_debtor(practice_id: UUID, incoming: IncomingDebtor) -> Debtor:
    """Return the debtor of a file, under a number of their own."""
    address = incoming.address
    abroad = () if address is None or address.country == HOME_COUNTRY else (address.country,)
    where = None if address is None else (address.zip, address.city.casefold(), *abroad)
    named = (*incoming.name.compared(), where)
    return Debtor(derived_number("imported-debtor", practice_id, named), incoming.name, address)


def debtor_number_of(invoice: IncomingInvoice, patient: Patient) -> tuple[str, tuple[str, ...]]:
    """Return the debtor number, and why the invoice is unfit if the record names another debtor.

    Where an insurer owes, the guarantor on record does not matter.
    """
    if invoice.insurance is not None:
        return invoice.insurance.gln, ()
    on_record = patient.debtor
    if on_record.name.compared() == invoice.debtor.name.compared():
        return on_record.debtor_number, ()
    other = "other-debtor-on-record"
    if invoice.debtor_is_patient():
        return patient.patient_number, (other,)
    return new_debtor(patient.practice_id, invoice.debtor).debtor_number, (other,)


def new_insurance(incoming: IncomingInvoice) -> Insurance | None:
    """Return the insurance of a file without faults, or None tiers garant."""
    found = incoming.insurance
    if found is None or not isinstance(found.name, OfficeName):
        return None
    return Insurance(
        tiers=found.tiers,
        insurer=Insurer(found.gln, found.name, found.address),
        law=found.law,
        insured_number=found.insured_number,
        case_number=found.case_number,
        case_date=found.case_date,
    )


def new_provider(practice_id: UUID, invoice: IncomingInvoice) -> Provider:
    """Return the provider of a file."""
    incoming = invoice.provider
    return Provider(
        provider_id=new_id(),
        practice_id=practice_id,
        gln=incoming.gln,
        zsr=incoming.zsr,
        title=incoming.title,
        family_name=incoming.family_name,
        given_name=incoming.given_name,
    )


def new_treatment(
    invoice: IncomingInvoice, *, patient: Patient, provider: Provider
) -> Treatment | None:
    """Return what the invoice bills, or None where the house's positions cannot say it exactly.

    Then only the document says it: a discount, a factor of its own, a service of two parts.
    """
    if not all(_fits(service) for service in invoice.services):
        return None
    return Treatment(
        treatment_id=new_id(),
        practice_id=patient.practice_id,
        patient_id=patient.patient_id,
        provider_id=provider.provider_id,
        begun_on=invoice.begun_on,
        ended_on=invoice.ended_on,
        reason=invoice.reason,
        positions=tuple(_position(service) for service in invoice.services),
        remark=invoice.remark,
    )


def new_invoice(
    incoming: IncomingInvoice,
    *,
    patient: Patient,
    contract: Contract | None,
    document: StoredDocument,
    place: tuple[int, int],
    unfit_codes: tuple[str, ...],
    own_number: str | None = None,
) -> Invoice:
    """Return the invoice to keep; `place` is its (year, serial)."""
    debtor_number, doubts = debtor_number_of(incoming, patient)
    return Invoice(
        invoice_id=new_id(),
        practice_id=patient.practice_id,
        year=place[0],
        serial=place[1],
        contract_id=contract.contract_id if contract else None,
        patient_id=patient.patient_id,
        patient_number=patient.patient_number,
        debtor_number=debtor_number,
        qr_reference=incoming.slip.reference if contract else None,
        issued_at=incoming.issued_at.replace(microsecond=0),
        issued_on=incoming.issued_on,
        due_on=incoming.due_on,
        language=incoming.language,
        total=Money.from_decimal(incoming.balance.amount),
        deposit=Money.from_decimal(incoming.balance.prepaid),
        document=document,
        unfit_codes=(*unfit_codes, *doubts),
        own_number=own_number or incoming.number,
        document_format=incoming.version,
        insurance=new_insurance(incoming),
    )


def _position(service: IncomingService) -> Position:
    return Position(
        tariff_type=service.tariff_type,
        code=service.code,
        text=service.text,
        performed_on=service.performed_on,
        quantity=service.quantity,
        points=service.points,
        point_value=service.point_value,
        vat_rate=service.vat_rate,
        tooth=service.tooth,
    )


def _fits(service: IncomingService) -> bool:
    values = (
        (service.quantity, 4, 3),
        (service.points, 6, 2),
        (service.point_value, 3, 4),
        (service.vat_rate, 3, 2),
    )
    return (
        service.plain
        and service.external_factor == 1
        and all(_has_digits(value, whole, decimals) for value, whole, decimals in values)
        and service.quantity > 0
        and service.point_value > 0
        and len(service.tooth or "") <= _TOOTH_MAX
        and _position(service).amount == Money.from_decimal(service.amount)
        and Money.zero() <= _position(service).amount <= POSITION_MAX
    )


def _has_digits(value: Decimal, whole: int, decimals: int) -> bool:
    return bool(0 <= value < 10**whole and (value * 10**decimals) % 1 == 0)
