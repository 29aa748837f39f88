"""Patients, the debtors who answer for them, and the providers who treat them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from uuid import UUID

from services.invoicing.domain.practice import Address, Language

_FULL_AGE = 18


class Sex(StrEnum):
    """The sex in the civil register."""

    MALE = "male"
    FEMALE = "female"


class Gender(StrEnum):
    """How the person is addressed."""

    MALE = "male"
    FEMALE = "female"
    DIVERSE = "diverse"


@dataclass(frozen=True, slots=True)
class PersonName:
    """The name of a person who owes."""

    family_name: str
    given_name: str

    def compared(self) -> tuple[str, str]:
        """Return the name as it is compared with others."""
        return self.family_name.casefold(), self.given_name.casefold()


@dataclass(frozen=True, slots=True)
class OfficeName:
    """The name of an office that owes: social services, say, or a guardianship authority.

    Attributes:
        contact_person: whom a letter is for; another one does not make another debtor.
    """

    company_name: str
    department: str | None = None
    contact_person: str | None = None

    def compared(self) -> tuple[str, str]:
        """Return the name as it is compared with others.

        It is what an office was called when its department, or a dash, stood as given name, so
        that the debtor numbers of imported offices stay what they were.
        """
        return self.company_name.casefold(), (self.department or "-").casefold()


DebtorName = PersonName | OfficeName


@dataclass(frozen=True, slots=True)
class Debtor:
    """Who owes an invoice: a guarantor, or the patient.

    Attributes:
        debtor_number: by which the practice and the factor know the debtor.
        address: None if it is not known; such an invoice is not fit for an order.
    """

    debtor_number: str
    name: DebtorName
    address: Address | None


@dataclass(frozen=True, slots=True)
class Patient:
    """A patient of a practice.

    Attributes:
        patient_number: unique in the practice.
        ssn: digits only; an AHV number, another number that cannot be checked, or None.
        language: of the invoices; None means the practice's.
        guarantor: who owes in the patient's place (a parent, an office), or None.
        version: counts the edits, from 1.
    """

    patient_id: UUID
    practice_id: UUID
    patient_number: str
    family_name: str
    given_name: str
    birth_date: date
    sex: Sex
    gender: Gender
    ssn: str | None
    language: Language | None
    address: Address | None
    guarantor: Debtor | None
    version: int = 1

    @property
    def debtor(self) -> Debtor:
        """Who owes the invoices of this patient."""
        if self.guarantor is not None:
            return self.guarantor
        name = PersonName(self.family_name, self.given_name)
        return Debtor(self.patient_number, name, self.address)

    def is_minor_on(self, day: date) -> bool:
        """Whether the patient is under 18 on this day."""
        return is_minor(self.birth_date, on=day)


def is_minor(birth_date: date, *, on: date) -> bool:
    """Whether somebody born on this date is under 18 on that day."""
    had_birthday = (on.month, on.day) >= (birth_date.month, birth_date.day)
    return on.year - birth_date.year - (0 if had_birthday else 1) < _FULL_AGE


@dataclass(frozen=True, slots=True)
class Provider:
    """A person who treats patients in a practice; the GLN is unique in the practice.

    Attributes:
        version: counts the edits, from 1.
    """

    provider_id: UUID
    practice_id: UUID
    gln: str
    zsr: str | None
    title: str | None
    family_name: str
    given_name: str
    version: int = 1
