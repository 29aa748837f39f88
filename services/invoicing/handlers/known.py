"""Finds what a request names, or says in plain words that it is not there."""

from __future__ import annotations

from uuid import UUID

from services.invoicing.domain.people import Patient
from services.invoicing.domain.practice import Practice
from services.invoicing.ports import UnitOfWork
from shared.kernel.errors import DomainError, NotFoundError


async def known_practice(uow: UnitOfWork, practice_id: UUID) -> Practice:
    """Return the practice of the path.

    Raises:
        NotFoundError: there is none.
    """
    practice = await uow.practices.get(practice_id)
    if practice is None:
        raise NotFoundError("This practice does not exist.", code="practice-not-found")
    return practice


async def known_patient(uow: UnitOfWork, practice_id: UUID, patient_id: UUID) -> Patient:
    """Return a patient named in a request body.

    Raises:
        DomainError: the practice has no such patient.
    """
    patient = await uow.patients.get(practice_id, patient_id)
    if patient is None:
        raise DomainError(
            "The practice has no such patient.", code="unknown-patient", field="patient_id"
        )
    return patient
