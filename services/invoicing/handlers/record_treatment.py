"""Records a treatment with its tariff positions, to be billed later."""

from __future__ import annotations

from dataclasses import dataclass

from services.invoicing.domain.treatment import Treatment, check_treatment
from services.invoicing.handlers.known import known_patient, known_practice
from services.invoicing.ports import UnitOfWork
from shared.kernel.clock import Clock
from shared.kernel.errors import DomainError


@dataclass(frozen=True, slots=True)
class RecordTreatment:
    """Record this treatment."""

    treatment: Treatment


async def record_treatment(command: RecordTreatment, uow: UnitOfWork, *, clock: Clock) -> Treatment:
    """Keep the treatment.

    Raises:
        NotFoundError: the practice does not exist.
        DomainError: patient or provider are not of the practice, or dates or amounts cannot be.
    """
    treatment = command.treatment
    await known_practice(uow, treatment.practice_id)
    patient = await known_patient(uow, treatment.practice_id, treatment.patient_id)
    if not await uow.practices.providers(treatment.practice_id, [treatment.provider_id]):
        raise DomainError(
            "The practice has no such provider.", code="unknown-provider", field="provider_id"
        )
    if treatment.begun_on < patient.birth_date:
        raise DomainError(
            "The treatment begins before the patient was born.",
            code="treatment-dates",
            field="begun_on",
        )
    check_treatment(treatment, today=clock.today())
    await uow.treatments.add(treatment)
    return treatment
