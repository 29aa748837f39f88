"""Adds a patient, and the guarantor who owes in the patient's place, to a practice."""

from __future__ import annotations

from dataclasses import dataclass

from services.invoicing.domain.people import Patient
from services.invoicing.handlers.known import known_practice
from services.invoicing.ports import UnitOfWork
from shared.kernel.clock import Clock
from shared.kernel.errors import ConflictError, DomainError


@dataclass(frozen=True, slots=True)
class AddPatient:
    """Add this patient to the practice."""

    patient: Patient


async def add_patient(command: AddPatient, uow: UnitOfWork, *, clock: Clock) -> Patient:
    """Keep the patient.

    Raises:
        NotFoundError: the practice does not exist.
        DomainError: the birth date lies in the future.
        ConflictError: the patient number is taken.
    """
    patient = command.patient
    await known_practice(uow, patient.practice_id)
    if patient.birth_date > clock.today():
        raise DomainError(
            "The birth date lies in the future.", code="birth-date", field="birth_date"
        )
    if not await uow.patients.add(patient):
        raise ConflictError(
            f"The patient number {patient.patient_number} is taken.",
            code="patient-exists",
            field="patient_number",
        )
    return patient
