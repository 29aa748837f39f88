"""The rules that the official schema leaves unchecked, for an invoice that comes from outside.

What would send money astray or break the books is fatal: the file is refused and says every reason
at once. What only keeps the factor from taking the invoice makes it unfit: it is imported and
shown, but no order takes it until somebody mends it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from services.invoicing.domain import numbers
from services.invoicing.domain.incoming import (
    Fault,
    IncomingInvoice,
    IncomingService,
    SlipKind,
)
from services.invoicing.domain.insurance import Insurer
from services.invoicing.domain.invoice import POSITIONS_MAX
from services.invoicing.domain.people import OfficeName, is_minor
from services.invoicing.domain.practice import Contract, Practice
from shared.forum.tax import tax_faults

NUMBER = re.compile(r"[0-9A-Za-z][0-9A-Za-z ._/+-]{0,33}[0-9A-Za-z]|[0-9A-Za-z]")
BORN_FROM = date(1900, 1, 1)
TOTAL_MAX = Decimal("9999999.99")
_ROUNDING_MAX = Decimal("0.05")
_ONE_DAY_SECONDS = 86_400
_UNKNOWN_SSN = re.compile(r"0{4,10}|[1-9][0-9]{10}")


@dataclass(frozen=True, slots=True)
class Setting:
    """Where and when an invoice is taken over; the contract may be missing.

    Attributes:
        contracts: all of the practice's, those not in force too: each gives QR references.
        takes_trials: whether documents that say they are trials are taken, as where all is one.
    """

    practice: Practice
    contract: Contract | None
    today: date
    contracts: tuple[Contract, ...] = ()
    takes_trials: bool = False


def faults_of(invoice: IncomingInvoice, setting: Setting) -> tuple[Fault, ...]:
    """Return everything that forbids taking the invoice over, with lines; empty if nothing does."""
    found = (
        *_trial(invoice, setting),
        *_kind(invoice),
        *_parties(invoice, setting),
        *_insurance(invoice),
        *_dates(invoice, setting),
        *_amounts(invoice),
        *_slip(invoice, setting),
    )
    return tuple(replace(fault, line=_line(invoice, fault.field)) for fault in found)


def unfit_codes_of(invoice: IncomingInvoice, setting: Setting) -> tuple[str, ...]:
    """Return why the invoice, though it can be imported, cannot be handed to the factor."""
    address, patient, contract = invoice.owing_address, invoice.patient, setting.contract
    found = {
        "missing-debtor-address": address is None,
        "missing-debtor-street": address is not None and address.street is None,
        "missing-ssn": has_no_ssn(patient.ssn),
        "doubtful-ssn": not has_no_ssn(patient.ssn)
        and not numbers.is_ahv_number(patient.ssn or ""),
        "missing-vat-number": invoice.balance.is_taxed and invoice.balance.vat_number is None,
        "minor-without-guarantor": invoice.insurance is None
        and invoice.debtor_is_patient()
        and is_minor(patient.birth_date, on=invoice.issued_on),
        "foreign-payment-slip": contract is not None and invoice.slip.iban != contract.qr_iban,
        "other-format-than-contract": contract is not None
        and invoice.version != contract.invoice_format,
    }
    return tuple(code for code, applies in found.items() if applies)


def has_no_ssn(ssn: str | None) -> bool:
    """Whether the number is missing, a placeholder, or of the kind that ended in 2008."""
    return ssn is None or _UNKNOWN_SSN.fullmatch(ssn) is not None


def _line(invoice: IncomingInvoice, field: str | None) -> int | None:
    wanted = field or ""
    while wanted and wanted not in invoice.lines:
        wanted = wanted.rpartition(".")[0]
    return invoice.lines.get(wanted)


def _trial(invoice: IncomingInvoice, setting: Setting) -> Iterator[Fault]:
    if invoice.is_trial and not setting.takes_trials:
        yield Fault(
            "test-document",
            'The document is marked as a trial (modus "test"); it is no real invoice.',
            "payload",
        )


def _kind(invoice: IncomingInvoice) -> Iterator[Fault]:
    if not invoice.is_original:
        yield Fault(
            "not-an-invoice",
            "This is a reminder, a copy, a refund or a cancellation; only invoices are imported.",
            "payload",
        )
    if len(invoice.services) > POSITIONS_MAX:
        yield Fault(
            "too-many-positions",
            f"An invoice holds {POSITIONS_MAX} services at most, not {len(invoice.services)}.",
            f"services.{POSITIONS_MAX}",
        )
    if not NUMBER.fullmatch(invoice.number):
        yield Fault(
            "invoice-number",
            "The invoice number has characters that do not belong there.",
            "invoice.request_id",
        )


def _parties(invoice: IncomingInvoice, setting: Setting) -> Iterator[Fault]:
    if invoice.biller_gln != setting.practice.gln:
        yield Fault(
            "other-practice",
            f"The invoice is of the practice with the GLN {invoice.biller_gln}, not of this one.",
            "biller.gln",
        )
    provider = invoice.provider.gln
    if not numbers.is_gln(provider) or provider in numbers.RESERVED_GLNS:
        yield _wrong_gln(provider, "provider.gln")
    for gln in dict.fromkeys(invoice.transport_glns):
        if not numbers.is_gln(gln):
            yield _wrong_gln(gln, "transport")
    for service in invoice.services:
        for gln in dict.fromkeys(service.glns):
            if not numbers.is_gln(gln) and gln != provider:
                yield _wrong_gln(gln, f"{service.field}.gln")


def _insurance(invoice: IncomingInvoice) -> Iterator[Fault]:
    found = invoice.insurance
    if found is None:
        return
    if not isinstance(found.name, OfficeName):
        yield Fault("insurer-no-office", "The insurer is a person, not an office.", "insurance")
        return
    if not Insurer(found.gln, found.name, found.address).has_own_gln:
        yield Fault(
            "insurer-gln",
            f"The insurer owes the invoice, but {found.gln} is not the GLN of one.",
            "insurance.gln",
        )
    if found.debtor_gln != found.gln:
        yield Fault(
            "other-debtor-than-insurer",
            f"Tiers {found.tiers} the insurer ({found.gln}) owes the invoice, but it names the"
            f" debtor {found.debtor_gln}.",
            "owes.gln",
        )


def _wrong_gln(gln: str, field: str) -> Fault:
    return Fault("gln-check-digit", f"The GLN {gln} is not valid.", field)


def _dates(invoice: IncomingInvoice, setting: Setting) -> Iterator[Fault]:
    if invoice.issued_on > setting.today:
        yield Fault("future-invoice", "The invoice is dated in the future.", "invoice.date")
    if abs(invoice.timestamp - int(invoice.issued_at.timestamp())) > _ONE_DAY_SECONDS:
        yield Fault(
            "timestamp",
            "The time stamp and the date of the invoice are more than a day apart.",
            "invoice.date",
        )
    if invoice.ended_on < invoice.begun_on:
        yield Fault("treatment-dates", "The treatment ends before it begins.", "treatment")
    if invoice.begun_on > invoice.issued_on:
        yield Fault("treatment-dates", "The treatment begins after the invoice.", "treatment")
    if not BORN_FROM <= invoice.patient.birth_date <= invoice.begun_on:
        yield Fault(
            "birth-date", "The patient was born after the treatment, or too long ago.", "patient"
        )
    for service in invoice.services:
        if not invoice.begun_on <= service.performed_on <= invoice.ended_on:
            yield Fault(
                "service-date",
                "The service was not performed during the treatment.",
                f"{service.field}.date",
            )


def _amounts(invoice: IncomingInvoice) -> Iterator[Fault]:
    balance = invoice.balance
    unclean = [*_unclean(invoice)]
    if unclean:
        yield from unclean
        return
    if sum((service.amount for service in invoice.services), Decimal(0)) != balance.amount:
        yield Fault(
            "sum-of-services",
            f"The services do not add up to the amount {balance.amount}.",
            "balance.amount",
        )
    if balance.reminder:
        yield Fault("reminder-amount", "An invoice carries no reminder fee.", "balance.reminder")
    if not Decimal(0) <= balance.amount <= TOTAL_MAX:
        yield Fault("amount", f"The amount {balance.amount} cannot be.", "balance.amount")
    if not Decimal(0) <= balance.prepaid <= max(balance.amount, Decimal(0)):
        yield Fault("deposit", "The deposit is larger than the invoice.", "balance.prepaid")
    if balance.amount + balance.reminder - balance.prepaid != balance.due:
        yield Fault("balance", f"Amount less deposit do not come to {balance.due}.", "balance.due")
    if sum((rate.amount for rate in balance.vat_rates), Decimal(0)) != balance.amount:
        yield Fault("vat", "The amounts by VAT rate do not add up to the amount.", "balance.vat")
    if sum((rate.vat for rate in balance.vat_rates), Decimal(0)) != balance.vat:
        yield Fault("vat", "The taxes by VAT rate do not add up to the tax.", "balance.vat")
    for words in tax_faults(
        [(service.vat_rate, service.amount) for service in invoice.services],
        [(rate.rate, rate.amount, rate.vat) for rate in balance.vat_rates],
    ):
        yield Fault("vat", words, "balance.vat")
    for service in invoice.services:
        if service.plain and not _comes_to_its_amount(service):
            yield Fault(
                "service-amount",
                f"Quantity, points and point value do not come to {service.amount}.",
                f"{service.field}.amount",
            )


def _unclean(invoice: IncomingInvoice) -> Iterator[Fault]:
    balance = invoice.balance
    sums = {
        "balance.amount": balance.amount,
        "balance.reminder": balance.reminder,
        "balance.prepaid": balance.prepaid,
        "balance.due": balance.due,
        "balance.vat": balance.vat,
    }
    for place, rate in enumerate(balance.vat_rates):
        sums |= {f"balance.vat.{place}.amount": rate.amount, f"balance.vat.{place}.vat": rate.vat}
    sums |= {f"{one.field}.amount": one.amount for one in invoice.services}
    for field, value in sums.items():
        if not _is_francs(value):
            yield Fault("decimals", f"{value} is not an amount in francs and Rappen.", field)
    for service in invoice.services:
        factors = (service.quantity, service.points, service.point_value, service.external_factor)
        if not all(value.is_finite() and abs(value) < TOTAL_MAX for value in factors):
            yield Fault("service-amount", "A number of the service cannot be.", service.field)


def _is_francs(value: Decimal) -> bool:
    if not value.is_finite() or abs(value) > TOTAL_MAX:
        return False
    return (value * 100) % 1 == 0


def _comes_to_its_amount(service: IncomingService) -> bool:
    exact = service.points * service.point_value * service.quantity * service.external_factor
    return abs(exact - service.amount) <= _ROUNDING_MAX


def _slip(invoice: IncomingInvoice, setting: Setting) -> Iterator[Fault]:
    slip = invoice.slip
    if slip.kind is SlipKind.ABOLISHED or slip.iban is None:
        yield Fault(
            "abolished-slip", "The payment slip is of a kind that ended in 2022.", "payment-slip"
        )
        return
    if not numbers.is_swiss_iban(slip.iban):
        yield Fault("iban-check-digit", f"The IBAN {slip.iban} is not valid.", "payment-slip")
        return
    if slip.kind is SlipKind.QR_REFERENCE:
        if not numbers.is_qr_reference(slip.reference or ""):
            yield Fault("reference-check-digit", "The QR reference is not valid.", "payment-slip")
        if not numbers.is_qr_iban(slip.iban):
            yield Fault("qr-iban", "A QR reference needs a QR-IBAN.", "payment-slip")
        return
    if numbers.is_qr_iban(slip.iban):
        yield Fault("qr-iban", "A QR-IBAN needs a QR reference.", "payment-slip")
    if slip.reference is not None and not numbers.is_creditor_reference(slip.reference):
        yield Fault(
            "reference-check-digit", "The creditor reference (RF) is not valid.", "payment-slip"
        )
    if setting.contract is not None:
        yield Fault(
            "no-qr-reference",
            "Under a factoring contract an invoice needs a QR reference.",
            "payment-slip",
        )
