"""Invented practices, people, treatments and invoices for invoicing's tests."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import product
from uuid import UUID, uuid4

from services.invoicing.domain.document import InvoiceDocument
from services.invoicing.domain.insurance import Insurance, Insurer, Law, Tiers
from services.invoicing.domain.invoice import (
    DebtorBalance,
    Invoice,
    InvoiceState,
    Standing,
    StoredDocument,
)
from services.invoicing.domain.order import KnownOrder, Placement
from services.invoicing.domain.people import (
    Debtor,
    Gender,
    OfficeName,
    Patient,
    PersonName,
    Provider,
    Sex,
)
from services.invoicing.domain.practice import (
    Address,
    Contract,
    Language,
    PortalTerms,
    Practice,
)
from services.invoicing.domain.treatment import Position, Reason, Treatment
from shared.kernel.money import Money

PRACTICE_GLN = "7601000000019"
PROVIDER_GLN = "7601000000026"
FACTOR_GLN = "7601000000040"
INSURER_GLN = "7601003000016"
IBAN = "CH9300762011623852957"
QR_IBAN = "CH4431999123000889012"
AHV = "7569217076985"
NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
DAY = date(2026, 2, 27)
HOME = Address("Rue Haute", "2", "1020", "Renens")


def a_practice(**changes: object) -> Practice:
    """Return a practice in Lausanne."""
    values: dict[str, object] = {
        "practice_id": uuid4(),
        "name": "Cabinet dentaire Exemple SA",
        "address": Address("Rue du Lac", "1", "1003", "Lausanne"),
        "gln": PRACTICE_GLN,
        "zsr": "Z123456",
        "uid": "CHE100155212",
        "canton": "VD",
        "language": Language.FRENCH,
        "iban": IBAN,
    }
    return Practice(**(values | changes))  # type: ignore[arg-type]


def a_contract(practice: Practice, **changes: object) -> Contract:
    """Return a factoring contract of the practice."""
    values: dict[str, object] = {
        "contract_id": uuid4(),
        "practice_id": practice.practice_id,
        "factor": "CMD",
        "factor_name": "Caisse Exemple SA",
        "factor_address": Address("Avenue de la Gare", None, "1000", "Lausanne"),
        "factor_gln": FACTOR_GLN,
        "account_number": "10.234-5",
        "ledger_account": "1088",
        "acquittal_label": "Transmis CMD",
        "qr_iban": QR_IBAN,
        "payout_term_days": 15,
        "payout_basis": "gross",
        "reminder_fee_beneficiary": "factor",
        "loss_cover": False,
        "acquittal": "automatic",
        "portal": PortalTerms("http", 14400, 900, 1, 3600, "quittance-v1"),
    }
    return Contract(**(values | changes))  # type: ignore[arg-type]


def a_provider(practice: Practice, **changes: object) -> Provider:
    """Return a dentist of the practice."""
    values: dict[str, object] = {
        "provider_id": uuid4(),
        "practice_id": practice.practice_id,
        "gln": PROVIDER_GLN,
        "zsr": None,
        "title": "Dr",
        "family_name": "Praticien",
        "given_name": "Alix",
    }
    return Provider(**(values | changes))  # type: ignore[arg-type]


def a_guarantor(**changes: object) -> Debtor:
    """Return a parent who owes in a child's place."""
    names = {"family_name": "Exemple", "given_name": "Claude"}
    names |= {name: str(changes.pop(name)) for name in names if name in changes}
    values: dict[str, object] = {
        "debtor_number": "D-77",
        "name": PersonName(**names),
        "address": HOME,
    }
    return Debtor(**(values | changes))  # type: ignore[arg-type]


def an_office(**changes: str | None) -> Debtor:
    """Return social services that owe in a patient's place; changes are of the name."""
    names: dict[str, str | None] = {
        "company_name": "Service social de Renens",
        "department": "Curatelles",
        "contact_person": "Mme Exemple",
    }
    return a_guarantor(name=OfficeName(**(names | changes)))  # type: ignore[arg-type]


def an_insurance(tiers: Tiers = Tiers.PAYANT, **changes: object) -> Insurance:
    """Return the insurance of an accident, whose insurer owes."""
    values: dict[str, object] = {
        "tiers": tiers,
        "insurer": Insurer(
            INSURER_GLN,
            OfficeName("Assurance Exemple SA", "Sinistres", "M. Modèle"),
            Address("Rue du Rhône", "9", "1204", "Genève"),
        ),
        "law": Law.UVG,
        "insured_number": "99.1234-5",
        "case_number": "26.00017.8",
        "case_date": date(2026, 2, 20),
    }
    return Insurance(**(values | changes))  # type: ignore[arg-type]


def a_patient(practice: Practice, **changes: object) -> Patient:
    """Return a grown-up patient who owes for herself."""
    values: dict[str, object] = {
        "patient_id": uuid4(),
        "practice_id": practice.practice_id,
        "patient_number": "10001",
        "family_name": "Exemple",
        "given_name": "Jeanne",
        "birth_date": date(1980, 5, 1),
        "sex": Sex.FEMALE,
        "gender": Gender.FEMALE,
        "ssn": AHV,
        "language": None,
        "address": HOME,
        "guarantor": None,
    }
    return Patient(**(values | changes))  # type: ignore[arg-type]


def a_position(
    points: str = "100", point_value: str = "1.20", quantity: str = "1", **changes: object
) -> Position:
    """Return a position that comes to CHF 120.00."""
    values: dict[str, object] = {
        "tariff_type": "222",
        "code": "SAMPLE.1",
        "text": "Prestation d'exemple (code fictif)",
        "performed_on": DAY,
        "quantity": Decimal(quantity),
        "points": Decimal(points),
        "point_value": Decimal(point_value),
    }
    return Position(**(values | changes))  # type: ignore[arg-type]


def a_treatment(
    patient: Patient, provider: Provider, *positions: Position, **changes: object
) -> Treatment:
    """Return a treatment of one day; without positions it has one of CHF 120.00."""
    values: dict[str, object] = {
        "treatment_id": uuid4(),
        "practice_id": patient.practice_id,
        "patient_id": patient.patient_id,
        "provider_id": provider.provider_id,
        "begun_on": DAY,
        "ended_on": DAY,
        "reason": Reason.DISEASE,
        "positions": positions or (a_position(),),
        "remark": None,
    }
    return Treatment(**(values | changes))  # type: ignore[arg-type]


def a_document(**changes: object) -> InvoiceDocument:
    """Return the content of an invoice over CHF 120.00 with a factor."""
    practice = changes.pop("practice", None) or a_practice()
    assert isinstance(practice, Practice)
    provider = a_provider(practice)
    patient = changes.pop("patient", None) or a_patient(practice)
    assert isinstance(patient, Patient)
    values: dict[str, object] = {
        "invoice_id": UUID("00000000-0000-4000-8000-000000000001"),
        "year": 2026,
        "serial": 123,
        "issued_at": NOW,
        "practice": practice,
        "contract": a_contract(practice),
        "patient": patient,
        "providers": {provider.provider_id: provider},
        "treatments": (a_treatment(patient, provider),),
        "deposit": Money.zero(),
        "payment_period_days": 30,
    }
    return InvoiceDocument(**(values | changes))  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of invoice, of all that the documents are tried with."""

    language: Language
    with_contract: bool
    with_guarantor: bool
    with_address: bool
    deposit: str
    discount: str
    tiers: Tiers = Tiers.GARANT

    @property
    def total(self) -> Money:
        """What is left of CHF 120.00 after the discount."""
        return Money.parse("120.00") - Money.rounded(Decimal("1.20") * Decimal(self.discount))

    @property
    def paid(self) -> Money:
        """The deposit, as far as there is something to pay."""
        return min(Money.parse(self.deposit), self.total)

    def refusal(self, *, invoice_format: str) -> str | None:
        """Return the code by which the standard excludes the kind, or None if it does not."""
        if self.tiers is not Tiers.GARANT and self.paid:
            return "document-invalid"
        if self.tiers is Tiers.SOLDANT and invoice_format == "4.5":
            return "tiers-not-in-format"
        return None

    def document(self, *, invoice_format: str) -> InvoiceDocument:
        """Return the content of such an invoice, under a contract that wants this format."""
        practice = a_practice()
        contract = replace(a_contract(practice), invoice_format=invoice_format)
        patient = a_patient(
            practice,
            language=self.language,
            address=HOME if self.with_address else None,
            guarantor=a_guarantor() if self.with_guarantor else None,
        )
        return a_document(
            practice=practice,
            patient=patient,
            contract=contract if self.with_contract else None,
            deposit=self.paid,
            discount_percent=Decimal(self.discount),
            insurance=None if self.tiers is Tiers.GARANT else an_insurance(self.tiers),
        )


_EVERY_KIND = [
    Kind(*each)
    for each in product(
        Language,
        [True, False],
        [True, False],
        [True, False],
        ["0.00", "50.00", "120.00"],
        ["0", "12.5", "100"],
        Tiers,
    )
]
POSSIBLE = {
    version: [one for one in _EVERY_KIND if one.refusal(invoice_format=version) is None]
    for version in ("5.0", "4.5")
}
EXCLUDED = [
    (one, version, code)
    for version in ("5.0", "4.5")
    for one in _EVERY_KIND
    if (code := one.refusal(invoice_format=version)) is not None
]


def a_standing(total: str = "120.00", **changes: object) -> Standing:
    """Return the standing of an invoice that has just been issued."""
    amount = Money.parse(total)
    values: dict[str, object] = {
        "invoice_id": uuid4(),
        "invoice_number": "2026-000001",
        "total": amount,
        "state": InvoiceState.ISSUED,
        "balance": DebtorBalance.of(amount),
        "debtor_paid": Money.zero(),
    }
    return Standing(**(values | changes))  # type: ignore[arg-type]


def an_invoice(practice: Practice, patient: Patient, **changes: object) -> Invoice:
    """Return an invoice over CHF 120.00."""
    values: dict[str, object] = {
        "invoice_id": uuid4(),
        "practice_id": practice.practice_id,
        "year": 2026,
        "serial": 1,
        "contract_id": None,
        "patient_id": patient.patient_id,
        "patient_number": patient.patient_number,
        "debtor_number": patient.debtor.debtor_number,
        "qr_reference": None,
        "issued_at": NOW,
        "issued_on": date(2026, 3, 2),
        "due_on": date(2026, 4, 1),
        "language": Language.FRENCH,
        "total": Money.parse("120.00"),
        "deposit": Money.zero(),
        "document": a_stored_document(),
        "unfit_codes": (),
    }
    return Invoice(**(values | changes))  # type: ignore[arg-type]


def a_stored_document(key: str = "practice/invoice-document/x") -> StoredDocument:
    """Return a reference to bytes that nobody reads."""
    return StoredDocument(key, "ab" * 32, 1, "application/xml")


def an_order(practice_id: UUID, *, days: int = 0) -> KnownOrder:
    """Return an order, prepared so many days after the others."""
    return KnownOrder(
        order_id=uuid4(),
        practice_id=practice_id,
        contract_id=uuid4(),
        order_number=f"CMD-2026-{days:04d}",
        prepared_at=NOW + timedelta(days=days),
    )


def a_placement(order_id: UUID, *, days: int = 0, refusal_code: str | None = None) -> Placement:
    """Return an invoice's place in an order under way, or in one that refused it."""
    placement = Placement(uuid4(), order_id, f"CMD-2026-{days:04d}", NOW + timedelta(days=days))
    return placement if refusal_code is None else placement.refused(refusal_code)
