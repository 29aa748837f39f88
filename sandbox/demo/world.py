"""The invented people and practices of the demo: plainly fictitious, with correct check digits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from stdnum import ean, iban
from stdnum.ch import uid

FACTOR_GLN_BODY = "760100000004"


def gln(body: str) -> str:
    """Return the 13-digit GLN of a 12-digit body."""
    return body + str(ean.calc_check_digit(body))


def social_security_number(serial: int) -> str:
    """Return an AHV number (756...) of an invented serial."""
    body = f"756{serial:09d}"
    return body + str(ean.calc_check_digit(body))


def swiss_iban(bank_and_account: str) -> str:
    """Return the IBAN of a 5-digit bank clearing number and a 12-character account."""
    return f"CH{iban.calc_check_digits('CH00' + bank_and_account)}{bank_and_account}"


def swiss_uid(serial: int) -> str:
    """Return a UID (CHE-123.456.788) of an invented serial."""
    body = f"{serial:08d}"
    digits = body + uid.calc_check_digit(body)
    return f"CHE-{digits[:3]}.{digits[3:6]}.{digits[6:]}"


FACTOR_GLN = gln(FACTOR_GLN_BODY)
FACTOR_NAME = "Factor Exemple SA (fictif)"
FACTOR_IBAN = swiss_iban("00700" + "000000000099")
"""The account from which the factor pays."""


@dataclass(frozen=True, slots=True)
class Patient:
    """An invented patient; `guarantor` pays in their place where given."""

    number: str
    given_name: str
    family_name: str
    birth_date: str
    sex: str
    serial: int
    guarantor: tuple[str, str, str] | None = None


@dataclass(frozen=True, slots=True)
class Position:
    """One tariff position: an invented code, a text, points and their number."""

    code: str
    text: str
    quantity: str
    points: str


@dataclass(frozen=True, slots=True)
class Treatment:
    """What was done for a patient; the deposit was paid at the desk before the invoice."""

    patient_number: str
    positions: tuple[Position, ...]
    deposit: str = "0.00"


@dataclass(frozen=True, slots=True)
class Practice:
    """An invented practice with its dentist, patients and treatments.

    Attributes:
        has_software: whether its invoices come as files of the software that it already has.
    """

    slug: str
    name: str
    street: str
    house_no: str
    zip_code: str
    city: str
    canton: str
    language: str
    gln_body: str
    provider_gln_body: str
    provider_name: tuple[str, str]
    zsr: str
    uid_serial: int
    account: str
    account_number: str
    point_value: str
    communication: str
    patients: tuple[Patient, ...]
    treatments: tuple[Treatment, ...]
    has_software: bool = False

    @property
    def portal_access(self) -> dict[str, str]:
        """Its client and password at the portal's stand-in; the same for services and clerks."""
        return {"client_id": f"{self.slug}-demo", "client_secret": f"invented-{self.slug}"}

    def registration(self) -> dict[str, Any]:
        """Body of the request that registers the practice."""
        return {
            "name": self.name,
            "address": self.address(),
            "gln": gln(self.gln_body),
            "zsr": self.zsr,
            "uid": swiss_uid(self.uid_serial),
            "canton": self.canton,
            "language": self.language,
            "iban": swiss_iban("00700" + self.account),
        }

    def address(self) -> dict[str, str]:
        """The practice's postal address."""
        return {
            "street": self.street,
            "house_no": self.house_no,
            "zip": self.zip_code,
            "city": self.city,
        }

    def patient_body(self, patient: Patient) -> dict[str, Any]:
        """Body of the request that records a patient; they live in the practice's town."""
        body: dict[str, Any] = {
            "patient_number": patient.number,
            "family_name": patient.family_name,
            "given_name": patient.given_name,
            "birth_date": patient.birth_date,
            "sex": patient.sex,
            "ssn": social_security_number(patient.serial),
            "language": self.language,
            "address": {**self.address(), "house_no": patient.number[-2:]},
        }
        if patient.guarantor is not None:
            number, family_name, given_name = patient.guarantor
            body["guarantor"] = {
                "debtor_number": number,
                "family_name": family_name,
                "given_name": given_name,
                "address": {**self.address(), "house_no": number[-2:]},
            }
        return body

    def treatment_body(
        self, treatment: Treatment, *, patient_id: str, provider_id: str, day: str
    ) -> dict[str, Any]:
        """Body of the request that records a treatment of one day."""
        return {
            "patient_id": patient_id,
            "provider_id": provider_id,
            "begun_on": day,
            "ended_on": day,
            "reason": "disease",
            "positions": [
                {
                    "tariff_type": "222",
                    "code": position.code,
                    "text": position.text,
                    "performed_on": day,
                    "quantity": position.quantity,
                    "points": position.points,
                    "point_value": self.point_value,
                }
                for position in treatment.positions
            ],
        }


_FR = {
    "check": Position("DEMO.100", "Examen de contrôle (code fictif)", "1", "58.0"),
    "scaling": Position("DEMO.110", "Détartrage (code fictif)", "3", "31.5"),
    "filling": Position("DEMO.200", "Obturation, deux faces (code fictif)", "1", "173.0"),
    "crown": Position("DEMO.300", "Couronne céramique (code fictif)", "1", "1024.5"),
}
_DE = {
    "check": Position("DEMO.100", "Kontrolluntersuchung (fiktiver Code)", "1", "58.0"),
    "scaling": Position("DEMO.110", "Zahnsteinentfernung (fiktiver Code)", "3", "31.5"),
    "filling": Position("DEMO.200", "Füllung, zweiflächig (fiktiver Code)", "1", "173.0"),
    "crown": Position("DEMO.300", "Keramikkrone (fiktiver Code)", "1", "1024.5"),
}

LAUSANNE = Practice(
    slug="lausanne",
    name="Cabinet dentaire Exemple SA",
    street="Rue de l'Exemple",
    house_no="1",
    zip_code="1003",
    city="Lausanne",
    canton="VD",
    language="fr",
    gln_body="760100000001",
    provider_gln_body="760100000002",
    provider_name=("Praticienne", "Alix"),
    zsr="A123456",
    uid_serial=10000001,
    account="000000000001",
    account_number="CMD-70001",
    point_value="1.10",
    communication="Facture de Mme Fictive: paiement échelonné en 4 acomptes, convenu au cabinet.",
    patients=(
        Patient("10001", "Jeanne", "Exemple", "1980-05-01", "female", 100000001),
        Patient("10002", "Pierre", "Modèle", "1969-11-23", "male", 100000002),
        Patient("10003", "Claire", "Fictive", "1992-02-14", "female", 100000003),
        Patient(
            "10004",
            "Luca",
            "Échantillon",
            "2014-08-30",
            "male",
            100000004,
            guarantor=("10904", "Échantillon", "Marie"),
        ),
        Patient("10005", "Noé", "Spécimen", "1955-03-09", "male", 100000005),
    ),
    treatments=(
        Treatment("10001", (_FR["check"], _FR["scaling"])),
        Treatment("10002", (_FR["filling"],)),
        Treatment("10003", (_FR["crown"], _FR["check"]), deposit="200.00"),
        Treatment("10004", (_FR["check"], _FR["filling"])),
        Treatment("10005", (_FR["check"],), deposit="63.80"),
    ),
)

WINTERTHUR = Practice(
    slug="winterthur",
    name="Zahnarztpraxis Muster AG",
    street="Musterstrasse",
    house_no="2",
    zip_code="8400",
    city="Winterthur",
    canton="ZH",
    language="de",
    gln_body="760100000011",
    provider_gln_body="760100000012",
    provider_name=("Zahnarzt", "Kim"),
    zsr="B654321",
    uid_serial=10000002,
    account="000000000002",
    account_number="CMD-80001",
    point_value="1.00",
    communication="Rechnung von Frau Beispiel: Sozialdienst der Gemeinde bezahlt.",
    patients=(
        Patient("20001", "Erika", "Muster", "1975-07-12", "female", 100000011),
        Patient("20002", "Hans", "Beispiel", "1988-01-28", "male", 100000012),
        Patient("20003", "Vreni", "Platzhalter", "1949-10-03", "female", 100000013),
        Patient("20004", "Beat", "Probe", "2001-06-17", "male", 100000014),
    ),
    treatments=(
        Treatment("20001", (_DE["check"], _DE["filling"])),
        Treatment("20002", (_DE["scaling"],)),
        Treatment("20003", (_DE["crown"],)),
        Treatment("20004", (_DE["check"], _DE["scaling"])),
    ),
    has_software=True,
)

REFUSED_PATIENT, REFUSAL_CODE = "20004", "address-unknown"
"""Whose invoice the factor refuses, and why."""
RECOURSE_PATIENT = "10002"
"""Whose invoice the factor gives back because nobody pays it."""
SLOW_PATIENTS = {"20002": "enforcement", "20003": "interest"}
"""Who is reminded before the second DEB file and has not paid by then, and what comes of it."""
LATE_DAYS = 2
"""How many days later than usual the second practice's order shows at the factor."""

PRACTICES: tuple[Practice, ...] = (LAUSANNE, WINTERTHUR)


def contract_body(practice: Practice) -> dict[str, Any]:
    """Body of the request that records the practice's CMD contract, with times for a demo."""
    return {
        "factor": "CMD",
        "factor_name": FACTOR_NAME,
        "factor_address": {
            "street": "Rue du Modèle",
            "house_no": "9",
            "zip": "1000",
            "city": "Lausanne",
        },
        "factor_gln": FACTOR_GLN,
        "account_number": practice.account_number,
        "ledger_account": "1088",
        "acquittal_label": "Transmis CMD",
        "qr_iban": swiss_iban("31999" + practice.account),
        "payout_term_days": 15,
        "payout_basis": "net",
        "reminder_fee_beneficiary": "factor",
        "loss_cover": False,
        "acquittal": "automatic",
        "portal": {
            "adapter": "http",
            "arrival_check_after_seconds": 2,
            "arrival_poll_interval_seconds": 1,
            "arrival_deadline_working_days": 1,
            "deb_poll_interval_seconds": 1,
            "deb_layout": "quittance-v1",
        },
    }
