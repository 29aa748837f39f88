"""Finds what a request names, or says in plain words that it is not there."""

from __future__ import annotations

from uuid import UUID

from services.invoicing.domain.invoice import Invoice
from services.invoicing.domain.people import Patient
from services.invoicing.domain.practice import Practice
from services.invoicing.ports import UnitOfWork
from shared.kernel.errors import DomainError, NotFoundError, StaleError


async def known_practice(uow: UnitOfWork, practice_id: UUID) -> Practice:
    """Return the practice of the path.

    Raises:
        NotFoundError: there is none.
    """
    practice = await uow.practices.get(practice_id)
    if practice is None:
        raise NotFoundError("This practice does not exist.", code="practice-not-found")
    return practice


async def known_invoice(uow: UnitOfWork, practice_id: UUID, invoice_id: UUID) -> Invoice:
    """Return the invoice of the path.

    Raises:
        NotFoundError: the practice has no such invoice.
    """
    invoice = await uow.invoices.get(practice_id, invoice_id)
    if invoice is None:
        raise NotFoundError("There is no such invoice.", code="invoice-not-found")
    return invoice


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


def check_fresh(*, read: str, present: int) -> None:
    """Check that what is about to be changed is what was read.

    Raises:
        StaleError: it has another version by now.
    """
    if read != str(present):
        raise StaleError(
            "Somebody has changed this since you read it. Read it again.", code="changed-meanwhile"
        )
