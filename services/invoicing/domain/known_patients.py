"""Decides whether the patient of a file is somebody whom the practice knows.

A file names no patient numbers. The AHV number decides where both sides have one. Where it cannot,
a person is the same by name, birth date and address: people share a name and a birth date, and
money of two must never end on one record because of it. Who has the first two at another address
becomes a record of their own, and a namesake is told of, for a person to decide.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from services.invoicing.domain import numbers
from services.invoicing.domain.countries import HOME_COUNTRY
from services.invoicing.domain.incoming import IncomingPatient, Namesake
from services.invoicing.domain.incoming_rules import has_no_ssn
from services.invoicing.domain.people import Patient
from services.invoicing.domain.practice import Address
from shared.kernel.ids import derived_id

_STREET_WORD = re.compile(r"(strasse|str)\b")
_NOT_A_LETTER = re.compile(r"[\W_]+")
_LETTER_APART = re.compile(r"(?<=[0-9]) (?=[a-z]\b)")
_Person = tuple[str, str, date]


@dataclass(frozen=True, slots=True)
class Found:
    """Whom the practice knows of a file's patient.

    Attributes:
        patient: the same person, or None.
        namesakes: if nobody is the same: who has the name and birth date at another address, and
            whom no AHV number tells apart.
    """

    patient: Patient | None
    namesakes: tuple[Namesake, ...] = ()


class KnownPatients:
    """The patients of a practice among whom that of a file is looked for."""

    def __init__(self, practice_id: UUID, patients: Iterable[Patient]) -> None:
        self._practice_id = practice_id
        self._by_ssn: defaultdict[str, list[Patient]] = defaultdict(list)
        self._by_person: defaultdict[_Person, list[Patient]] = defaultdict(list)
        self._by_number: dict[str, Patient] = {}
        for patient in patients:
            self.add(patient)

    def add(self, patient: Patient) -> None:
        """Know one more."""
        if patient.ssn is not None:
            self._by_ssn[patient.ssn].append(patient)
        name = patient.family_name.casefold(), patient.given_name.casefold()
        self._by_person[*name, patient.birth_date].append(patient)
        self._by_number[patient.patient_number] = patient

    def find(self, incoming: IncomingPatient) -> Found:
        """Return the patient of a file, or the namesakes of a new one.

        Whoever was added under the number that is derived from the same data is the same person,
        though the practice has corrected the record since; but a record that was given this AHV
        number or address since goes before one that a file had added for it.
        """
        ssn = ahv_number(incoming)
        number, second = derived_patient_numbers(self._practice_id, incoming)
        registered = _rather_not(number, self._by_ssn.get(ssn or "", ()))
        if registered is not None:
            return Found(registered)
        candidates = [
            one
            for one in self._by_person.get((*incoming.name(), incoming.birth_date), ())
            if None in {ssn, one.ssn}
        ]
        place = place_of(incoming.address)
        here = [one for one in candidates if place_of(one.address) == place]
        same = _rather_not(number, here) or self._added(number, ssn) or self._added(second, ssn)
        if same is not None:
            return Found(same)
        return Found(None, _namesakes(candidates))

    def number_for(self, incoming: IncomingPatient) -> str:
        """Return the number of a new record: the second one if somebody else has the first."""
        number, second = derived_patient_numbers(self._practice_id, incoming)
        return second if number in self._by_number else number

    def _added(self, number: str, ssn: str | None) -> Patient | None:
        """Return whom a file added under a number, unless another AHV number is theirs since."""
        record = self._by_number.get(number)
        is_other = record is not None and None not in {ssn, record.ssn} and record.ssn != ssn
        return None if is_other else record


def derived_patient_numbers(practice_id: UUID, incoming: IncomingPatient) -> tuple[str, str]:
    """Return the number that a person of a file gets, and the one in case it is taken.

    The same data give the same numbers. A number made of an AHV number is taken where a file had
    named a wrong one, and the practice has corrected the record that was added under it.
    """
    ssn, named = ahv_number(incoming), (*incoming.name(), incoming.birth_date)
    place = place_of(incoming.address)
    return (
        derived_number("imported-patient", practice_id, ssn or (*named, place)),
        derived_number("imported-patient", practice_id, (ssn, *named, place)),
    )


def derived_number(kind: str, practice_id: UUID, person: object) -> str:
    """Return the number of somebody of whom only these data are known."""
    return f"IMP{derived_id(kind, practice_id, person).hex[:14].upper()}"


def ahv_number(patient: IncomingPatient) -> str | None:
    """Return the AHV number if it is there and its check digit is right."""
    if has_no_ssn(patient.ssn) or not numbers.is_ahv_number(patient.ssn or ""):
        return None
    return patient.ssn


def place_of(address: Address | None) -> tuple[str, ...] | None:
    """Return an address as it is compared: the postal code and the street, else the city.

    Case, accents and punctuation do not matter, nor "Str." for "Strasse" or "12 A" for "12a". The
    country is told abroad alone, so that the numbers that are derived from places at home stay.
    """
    if address is None:
        return None
    abroad = () if address.country == HOME_COUNTRY else (address.country,)
    return _plain(address.zip), _plain(address.street_line or address.city), *abroad


def _rather_not(number: str, patients: Iterable[Patient]) -> Patient | None:
    return min(patients, key=lambda one: one.patient_number == number, default=None)


def _namesakes(patients: Iterable[Patient]) -> tuple[Namesake, ...]:
    return tuple(
        Namesake(one.patient_id, one.patient_number, one.family_name, one.given_name)
        for one in sorted(patients, key=lambda one: one.patient_number)
    )


def _plain(text: str) -> str:
    letters = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    bare = "".join(one for one in letters if not unicodedata.combining(one))
    words = _NOT_A_LETTER.sub(" ", bare).strip()
    return _LETTER_APART.sub("", _STREET_WORD.sub("str", words))
