"""HTTP handlers about patients and treatments."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from services.invoicing.entrypoints.desk import Desk, body_of, only, query_of
from services.invoicing.entrypoints.practices import uuid_in_cursor
from services.invoicing.entrypoints.schemas.paging import cursor, cursor_key, invalid_cursor
from services.invoicing.entrypoints.schemas.people import (
    PatientPage,
    PatientQuery,
    PatientRequest,
    TreatmentPage,
    TreatmentQuery,
    TreatmentRequest,
    patient_answer,
    treatment_answer,
)
from services.invoicing.handlers.add_patient import AddPatient, add_patient
from services.invoicing.handlers.record_treatment import RecordTreatment, record_treatment
from services.invoicing.views import people as views
from shared.kernel.ids import new_id
from shared.web.endpoints import Call, Reply


class PeopleOperations:
    """The operations on patients and on what was done for them."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def add_patient(self, call: Call) -> Reply:
        """Add a patient."""
        patient = body_of(call, PatientRequest).to_domain(call.practice_id, new_id())
        async with self._desk.unit_of_work(call.connection) as uow:
            await add_patient(AddPatient(patient), uow, clock=self._desk.clock)
        return await self._patient(call, patient.patient_id)

    async def show_patient(self, call: Call) -> Reply:
        """Show one patient."""
        return await self._patient(call, call.path_id("patient_id"))

    async def list_patients(self, call: Call) -> Reply:
        """List the practice's patients."""
        query = query_of(call, PatientQuery)
        key = cursor_key(query.after, parts=1)
        rows = await views.patients(
            call.connection,
            call.practice_id,
            limit=query.limit,
            patient_number=query.patient_number,
            after=key[0] if key else None,
        )
        last = cursor(rows[-1]["patient_number"]) if len(rows) == query.limit else None
        return Reply(PatientPage(items=[patient_answer(row) for row in rows], next_after=last))

    async def record_treatment(self, call: Call) -> Reply:
        """Record a treatment."""
        treatment = body_of(call, TreatmentRequest).to_domain(call.practice_id, new_id())
        async with self._desk.unit_of_work(call.connection) as uow:
            await record_treatment(RecordTreatment(treatment), uow, clock=self._desk.clock)
        return await self._treatment(call, treatment.treatment_id)

    async def show_treatment(self, call: Call) -> Reply:
        """Show one treatment."""
        return await self._treatment(call, call.path_id("treatment_id"))

    async def list_treatments(self, call: Call) -> Reply:
        """List treatments, of a patient or in a state."""
        query = query_of(call, TreatmentQuery)
        key = cursor_key(query.after, parts=2)
        rows = await views.treatments(
            call.connection,
            call.practice_id,
            limit=query.limit,
            patient_id=query.patient_id,
            billed=None if query.state is None else query.state == "billed",
            after=(_day(key[0]), uuid_in_cursor(key[1])) if key else None,
        )
        ids = [row["treatment_id"] for row in rows]
        positions = await views.positions(call.connection, call.practice_id, ids)
        items = [treatment_answer(row, positions[row["treatment_id"]]) for row in rows]
        full = len(rows) == query.limit
        last = cursor(rows[-1]["begun_on"], rows[-1]["treatment_id"]) if full else None
        return Reply(TreatmentPage(items=items, next_after=last))

    async def _patient(self, call: Call, patient_id: UUID) -> Reply:
        rows = await views.patients(
            call.connection, call.practice_id, limit=1, patient_id=patient_id
        )
        return Reply(patient_answer(only(rows, code="patient-not-found", what="patient")))

    async def _treatment(self, call: Call, treatment_id: UUID) -> Reply:
        rows = await views.treatments(
            call.connection, call.practice_id, limit=1, treatment_id=treatment_id
        )
        row = only(rows, code="treatment-not-found", what="treatment")
        positions = await views.positions(call.connection, call.practice_id, [treatment_id])
        return Reply(treatment_answer(row, positions[treatment_id]))


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise invalid_cursor() from error
