"""An invented practice, its contracts, patients and invoices; every check digit is right."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from itertools import islice
from typing import Final

from stdnum import ean, iban
from stdnum.ch import uid

from services.invoicing.adapters.forum_xml import ForumInvoiceRenderer
from services.invoicing.domain.document import InvoiceDocument
from services.invoicing.domain.people import Gender, Patient, Provider, Sex
from services.invoicing.domain.practice import (
    Address,
    Contract,
    Language,
    PortalTerms,
    Practice,
)
from services.invoicing.domain.treatment import Position, Reason, Treatment
from shared.kernel.ids import derived_id
from shared.kernel.money import Money

NOW: Final = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
PRACTICE_ID: Final = derived_id("bench", "practice")
CONTRACT_ID: Final = derived_id("bench", "contract")
PATIENTS: Final = 4000
_DAY: Final = date(2026, 2, 2)
_FAMILY: Final = ("Bel", "Cor", "Dor", "Fal", "Gran", "Mor", "Ner", "Per", "Sal", "Val")
_ENDING: Final = ("ard", "eau", "elli", "er", "et", "ier", "in", "mann", "oz", "y")
_GIVEN: Final = ("Alix", "Camille", "Dominique", "Luca", "Maxime", "Noa", "Robin", "Sascha")


def gln(place: int) -> str:
    """Return a GLN of the Swiss health range."""
    body = f"760100{place:06d}"
    return body + str(ean.calc_check_digit(body))


def _ahv_number(place: int) -> str:
    body = f"756{place:09d}"
    return body + str(ean.calc_check_digit(body))


def _iban(body: str) -> str:
    return f"CH{iban.calc_check_digits(f'CH00{body}')}{body}"


def practice() -> Practice:
    """Return the practice."""
    return Practice(
        practice_id=PRACTICE_ID,
        name="Cabinet dentaire Exemple SA",
        address=Address("Rue du Lac", "1", "1003", "Lausanne"),
        gln=gln(1),
        zsr="Z123456",
        uid=f"CHE10015521{uid.calc_check_digit('10015521')}",
        canton="VD",
        language=Language.FRENCH,
        iban=_iban("00762011623852957"),
    )


def contract() -> Contract:
    """Return its contract with the factor."""
    return Contract(
        contract_id=CONTRACT_ID,
        practice_id=PRACTICE_ID,
        factor="CMD",
        factor_name="Caisse Exemple SA",
        factor_address=Address("Avenue de la Gare", "2", "1000", "Lausanne"),
        factor_gln=gln(2),
        account_number="10.234-5",
        ledger_account="1088",
        acquittal_label="Transmis CMD",
        qr_iban=_iban("31999123000889012"),
        payout_term_days=15,
        payout_basis="gross",
        reminder_fee_beneficiary="factor",
        loss_cover=False,
        acquittal="automatic",
        portal=PortalTerms("http", 14400, 900, 1, 3600, "quittance-v1"),
    )


def provider(place: int) -> Provider:
    """Return one of the practice's dentists."""
    return Provider(
        provider_id=derived_id("bench", "provider", place),
        practice_id=PRACTICE_ID,
        gln=gln(10 + place),
        zsr=None,
        title="Dr",
        family_name=_FAMILY[place] + _ENDING[-place],
        given_name=_GIVEN[place],
    )


@lru_cache(maxsize=PATIENTS)
def patient(place: int) -> Patient:
    """Return one of the practice's grown-up patients."""
    family = _FAMILY[place % 10] + _ENDING[place // 10 % 10]
    return Patient(
        patient_id=derived_id("bench", "patient", place),
        practice_id=PRACTICE_ID,
        patient_number=str(10_000 + place),
        family_name=family,
        given_name=_GIVEN[place // 100 % 8],
        birth_date=date(1940, 1, 1) + timedelta(days=place * 5),
        sex=Sex.FEMALE if place % 2 else Sex.MALE,
        gender=Gender.FEMALE if place % 2 else Gender.MALE,
        ssn=_ahv_number(123_400_000 + place),
        language=None,
        address=Address("Rue Haute", str(1 + place % 90), "1020", "Renens"),
        guarantor=None,
    )


def document(serial: int) -> InvoiceDocument:
    """Return the content of an invoice with one to nine positions, five on the average."""
    who, dentist = patient(serial % PATIENTS), provider(serial % 3)
    day = _DAY + timedelta(days=serial % 20)
    positions = tuple(_position(serial, place, day) for place in range(1 + serial % 9))
    treatment = Treatment(
        treatment_id=derived_id("bench", "treatment", serial),
        practice_id=PRACTICE_ID,
        patient_id=who.patient_id,
        provider_id=dentist.provider_id,
        begun_on=day,
        ended_on=day,
        reason=Reason.DISEASE,
        positions=positions,
        remark=None,
    )
    return InvoiceDocument(
        invoice_id=derived_id("bench", "invoice", serial),
        year=2026,
        serial=serial,
        issued_at=NOW - timedelta(days=2),
        practice=practice(),
        contract=contract(),
        patient=who,
        providers={dentist.provider_id: dentist},
        treatments=(treatment,),
        deposit=Money.zero(),
        payment_period_days=30,
    )


def _position(serial: int, place: int, day: date) -> Position:
    return Position(
        tariff_type="222",
        code=f"SAMPLE.{place + 1}",
        text="Prestation d'exemple (code fictif)",
        performed_on=day,
        quantity=Decimal(1 + place % 2),
        points=Decimal(10 + (serial + place) % 90),
        point_value=Decimal("1.20"),
        tooth=str(11 + place) if place % 3 == 0 else None,
    )


def invoices(count: int) -> Iterator[tuple[InvoiceDocument, bytes]]:
    """Yield invoices with the bytes of their generalInvoiceRequest 5.0."""
    renderer = ForumInvoiceRenderer(modus="test")
    for serial in range(1, count + 1):
        content = document(serial)
        yield content, renderer.render(content)


def batches(count: int, size: int) -> Iterator[list[tuple[InvoiceDocument, bytes]]]:
    """Yield so many invoices, some at a time."""
    all_of_them = invoices(count)
    while some := list(islice(all_of_them, size)):
        yield some
