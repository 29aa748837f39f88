"""Changes what is known of a patient, unless somebody else did since it was read."""

from __future__ import annotations

from dataclasses import dataclass, replace

from services.invoicing.domain.people import Patient
from services.invoicing.handlers.known import check_fresh
from services.invoicing.ports import UnitOfWork
from shared.kernel.clock import Clock
from shared.kernel.errors import DomainError, NotFoundError


@dataclass(frozen=True, slots=True)
class ChangePatient:
    """Give this patient these data.

    Attributes:
        read: the version that they were read in, as text.
    """

    patient: Patient
    read: str


async def change_patient(command: ChangePatient, uow: UnitOfWork, *, clock: Clock) -> Patient:
    """Write the data under the next version; the same data change nothing.

    Invoices that were issued keep the names and addresses that they were issued with.

    Raises:
        NotFoundError: the practice has no such patient.
        StaleError: the patient has another version than the one that was read.
        DomainError: the patient number differs, or the birth date lies in the future.
    """
    wanted = command.patient
    before = await uow.patients.lock(wanted.practice_id, wanted.patient_id)
    if before is None:
        raise NotFoundError("There is no such patient.", code="patient-not-found")
    check_fresh(read=command.read, present=before.version)
    if wanted.patient_number != before.patient_number:
        raise DomainError(
            "The number of a patient cannot be changed.", code="fixed-field", field="patient_number"
        )
    if wanted.birth_date > clock.today():
        raise DomainError(
            "The birth date lies in the future.", code="birth-date", field="birth_date"
        )
    if replace(wanted, version=before.version) == before:
        return before
    after = replace(wanted, version=before.version + 1)
    await uow.patients.change(after)
    return after
