"""HTTP handlers about patients and treatments."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from services.invoicing.entrypoints.desk import Desk, edited, only, shown
from services.invoicing.entrypoints.schemas.people import (
    PatientPage,
    PatientQuery,
    PatientRequest,
    TreatmentPage,
    TreatmentQuery,
    TreatmentRequest,
    TreatmentTotals,
    patient_answer,
    treatment_answer,
)
from services.invoicing.handlers.add_patient import AddPatient, add_patient
from services.invoicing.handlers.change_patient import ChangePatient, change_patient
from services.invoicing.handlers.price_positions import PricePositions, price_positions
from services.invoicing.handlers.record_treatment import RecordTreatment, record_treatment
from services.invoicing.views import people as views
from shared.contracts.envelope import WireMoney
from shared.kernel.ids import new_id
from shared.web.changes import Changed, changed
from shared.web.endpoints import Call, Reply
from shared.web.paging import Totals, cursor, read_cursor, split_page
from shared.web.totals import totals_of


class PeopleOperations:
    """The operations on patients and on what was done for them."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def add_patient(self, call: Call) -> Changed:
        """Add a patient."""
        patient = call.body_as(PatientRequest).to_domain(call.practice_id, new_id())
        async with self._desk.unit_of_work(call.connection) as uow:
            await add_patient(AddPatient(patient), uow, clock=self._desk.clock)
        reply = await self._patient(call, patient.patient_id)
        facts = shown(reply).model_dump(mode="json", include={"patient_id", "version"})
        return changed(reply, None, facts)

    async def change_patient(self, call: Call) -> Changed:
        """Change a patient whom nobody has changed since the data were read."""
        patient_id = call.path_id("patient_id")
        patient = call.body_as(PatientRequest).to_domain(call.practice_id, patient_id)
        before = await self._patient(call, patient_id)
        command = ChangePatient(patient, call.if_match or "")
        async with self._desk.unit_of_work(call.connection) as uow:
            await change_patient(command, uow, clock=self._desk.clock)
        return edited(await self._patient(call, patient_id), before)

    async def show_patient(self, call: Call) -> Reply:
        """Show one patient."""
        return await self._patient(call, call.path_id("patient_id"))

    async def list_patients(self, call: Call) -> Reply:
        """List the practice's patients."""
        query = call.query_as(PatientQuery)
        (after,) = read_cursor(query.after, str) or (None,)
        rows = await views.patients(
            call.connection,
            call.practice_id,
            limit=query.limit + 1,
            wanted=query.to_filter(),
            after=after,
        )
        page, more = split_page(rows, query.limit)
        following = cursor(page[-1]["patient_number"]) if more else None
        selection, values = views.patient_selection(call.practice_id, query.to_filter())
        totals = await totals_of(call.connection, query, Totals, selection, values)
        items = [patient_answer(row) for row in page]
        return Reply(PatientPage(items=items, next=following, totals=totals))

    async def record_treatment(self, call: Call) -> Changed:
        """Record a treatment."""
        body = call.body_as(TreatmentRequest)
        drafts = PricePositions(
            practice_id=call.practice_id,
            patient_id=body.patient_id,
            drafts=tuple(position.to_draft() for position in body.positions),
        )
        async with self._desk.unit_of_work(call.connection) as uow:
            positions = await price_positions(drafts, uow)
            treatment = body.to_domain(call.practice_id, new_id(), positions)
            await record_treatment(RecordTreatment(treatment), uow, clock=self._desk.clock)
        facts = {
            "treatment_id": treatment.treatment_id,
            "patient_id": treatment.patient_id,
            "position_count": len(treatment.positions),
            "total": WireMoney.of(treatment.total),
        }
        return changed(await self._treatment(call, treatment.treatment_id), None, facts)

    async def show_treatment(self, call: Call) -> Reply:
        """Show one treatment."""
        return await self._treatment(call, call.path_id("treatment_id"))

    async def list_treatments(self, call: Call) -> Reply:
        """List treatments, of a patient or in a state."""
        query = call.query_as(TreatmentQuery)
        billed = None if query.state is None else query.state == "billed"
        rows = await views.treatments(
            call.connection,
            call.practice_id,
            limit=query.limit + 1,
            patient_id=query.patient_id,
            billed=billed,
            after=read_cursor(query.after, date.fromisoformat, UUID),
        )
        page, more = split_page(rows, query.limit)
        ids = [row["treatment_id"] for row in page]
        positions = await views.positions(call.connection, call.practice_id, ids)
        items = [treatment_answer(row, positions[row["treatment_id"]]) for row in page]
        following = cursor(page[-1]["begun_on"], page[-1]["treatment_id"]) if more else None
        wanted = {
            "practice_id": call.practice_id,
            "treatment_id": None,
            "patient_id": query.patient_id,
            "billed": billed,
        }
        totals = await totals_of(call.connection, query, TreatmentTotals, views.TREATMENTS, wanted)
        return Reply(TreatmentPage(items=items, next=following, totals=totals))

    async def _patient(self, call: Call, patient_id: UUID) -> Reply:
        wanted = views.PatientFilter(patient_id=patient_id)
        rows = await views.patients(call.connection, call.practice_id, limit=1, wanted=wanted)
        row = only(rows, code="patient-not-found", what="patient")
        return Reply(patient_answer(row), headers={"ETag": f'"{row["version"]}"'})

    async def _treatment(self, call: Call, treatment_id: UUID) -> Reply:
        rows = await views.treatments(
            call.connection, call.practice_id, limit=1, treatment_id=treatment_id
        )
        row = only(rows, code="treatment-not-found", what="treatment")
        positions = await views.positions(call.connection, call.practice_id, [treatment_id])
        return Reply(treatment_answer(row, positions[treatment_id]))
