"""Patients with their guarantors, and treatments with their positions, in PostgreSQL."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, Select, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.invoicing.adapters.practice_rows import address_columns, to_address
from services.invoicing.adapters.sets import insert_rows
from services.invoicing.adapters.tables import (
    invoice,
    invoice_treatment,
    patient,
    treatment,
    treatment_position,
)
from services.invoicing.domain.people import (
    Debtor,
    DebtorName,
    Gender,
    OfficeName,
    Patient,
    PersonName,
    Sex,
)
from services.invoicing.domain.practice import Language
from services.invoicing.domain.treatment import Position, Reason, Treatment


class SqlPatientRepository:
    """See services.invoicing.ports.PatientRepository."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, new: Patient) -> bool:
        """Keep a new patient; return False if the patient number is taken in this practice."""
        statement = insert(patient).values(_patient_columns(new))
        result = await self._connection.execute(statement.on_conflict_do_nothing())
        return bool(result.rowcount)

    async def add_many(self, new: Sequence[Patient]) -> None:
        """Keep new patients, whose numbers are free."""
        await insert_rows(self._connection, patient, [_patient_columns(one) for one in new])

    async def among(
        self,
        practice_id: UUID,
        *,
        ssns: Collection[str],
        birth_dates: Collection[date],
        numbers: Collection[str],
    ) -> list[Patient]:
        """Return the practice's patients with one of these AHV numbers, birth dates or numbers."""
        rows = await self._connection.execute(
            select(patient)
            .where(
                patient.c.practice_id == practice_id,
                patient.c.ssn.in_(ssns)
                | patient.c.birth_date.in_(birth_dates)
                | patient.c.patient_number.in_(numbers),
            )
            .order_by(patient.c.patient_number)
        )
        return [to_patient(row) for row in rows.mappings()]

    async def get(self, practice_id: UUID, patient_id: UUID) -> Patient | None:
        """Return a patient of the practice, or None."""
        rows = await self._connection.execute(_one(practice_id, patient_id))
        row = rows.mappings().one_or_none()
        return to_patient(row) if row else None

    async def lock(self, practice_id: UUID, patient_id: UUID) -> Patient | None:
        """Return a patient, locked until the transaction ends, or None."""
        found = await self._connection.execute(_one(practice_id, patient_id).with_for_update())
        row = found.mappings().one_or_none()
        return to_patient(row) if row else None

    async def change(self, changed: Patient) -> None:
        """Write a known patient's data and version."""
        await self._connection.execute(
            update(patient)
            .where(
                patient.c.practice_id == changed.practice_id,
                patient.c.patient_id == changed.patient_id,
            )
            .values(_patient_columns(changed))
        )


def _one(practice_id: UUID, patient_id: UUID) -> Select[Any]:
    return select(patient).where(
        patient.c.practice_id == practice_id, patient.c.patient_id == patient_id
    )


def _patient_columns(new: Patient) -> dict[str, object]:
    guarantor = new.guarantor
    return {
        "practice_id": new.practice_id,
        "patient_id": new.patient_id,
        "patient_number": new.patient_number,
        "family_name": new.family_name,
        "given_name": new.given_name,
        "birth_date": new.birth_date,
        "sex": new.sex.value,
        "gender": new.gender.value,
        "ssn": new.ssn,
        "language": new.language.value if new.language else None,
        "version": new.version,
        **address_columns(new.address),
        "debtor_number": guarantor.debtor_number if guarantor else None,
        **_name_columns(guarantor.name if guarantor else None),
        **address_columns(guarantor.address if guarantor else None, prefix="debtor_"),
    }


def _name_columns(name: DebtorName | None) -> dict[str, object]:
    person = name if isinstance(name, PersonName) else None
    office = name if isinstance(name, OfficeName) else None
    return {
        "debtor_family_name": person.family_name if person else None,
        "debtor_given_name": person.given_name if person else None,
        "debtor_company_name": office.company_name if office else None,
        "debtor_department": office.department if office else None,
        "debtor_contact_person": office.contact_person if office else None,
    }


def to_patient(row: RowMapping) -> Patient:
    """Read a patient."""
    return Patient(
        patient_id=row["patient_id"],
        practice_id=row["practice_id"],
        patient_number=row["patient_number"],
        family_name=row["family_name"],
        given_name=row["given_name"],
        birth_date=row["birth_date"],
        sex=Sex(row["sex"]),
        gender=Gender(row["gender"]),
        ssn=row["ssn"],
        language=Language(row["language"]) if row["language"] else None,
        address=to_address(row),
        guarantor=_guarantor(row),
        version=row["version"],
    )


def _guarantor(row: RowMapping) -> Debtor | None:
    if row["debtor_number"] is None:
        return None
    return Debtor(
        debtor_number=row["debtor_number"],
        name=_debtor_name(row),
        address=to_address(row, prefix="debtor_"),
    )


def _debtor_name(row: RowMapping) -> DebtorName:
    if row["debtor_company_name"] is None:
        return PersonName(row["debtor_family_name"], row["debtor_given_name"])
    return OfficeName(
        row["debtor_company_name"], row["debtor_department"], row["debtor_contact_person"]
    )


class SqlTreatmentRepository:
    """See services.invoicing.ports.TreatmentRepository."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, new: Treatment) -> None:
        """Keep a new treatment with its positions."""
        await self.add_many([new])

    async def add_many(self, new: Sequence[Treatment]) -> None:
        """Keep new treatments with their positions."""
        await insert_rows(self._connection, treatment, [_treatment_columns(one) for one in new])
        await insert_rows(
            self._connection,
            treatment_position,
            [
                _position_columns(one, position, place)
                for one in new
                for place, position in enumerate(one.positions, start=1)
            ],
        )

    async def lock(
        self, practice_id: UUID, treatment_ids: Collection[UUID]
    ) -> dict[UUID, Treatment]:
        """Return treatments by id, locked until the transaction ends, so that one bills them."""
        rows = await self._connection.execute(
            select(treatment)
            .where(
                treatment.c.practice_id == practice_id,
                treatment.c.treatment_id.in_(treatment_ids),
            )
            .order_by(treatment.c.treatment_id)
            .with_for_update()
        )
        found = rows.mappings().all()
        positions = await self._positions(practice_id, treatment_ids)
        return {row["treatment_id"]: _treatment(row, positions) for row in found}

    async def billed(
        self, practice_id: UUID, treatment_ids: Collection[UUID]
    ) -> Mapping[UUID, str]:
        """Return, for each of the treatments that was billed, the number of its invoice."""
        rows = await self._connection.execute(
            select(invoice_treatment.c.treatment_id, invoice.c.invoice_number)
            .join(invoice, invoice.c.invoice_id == invoice_treatment.c.invoice_id)
            .where(
                invoice_treatment.c.practice_id == practice_id,
                invoice_treatment.c.treatment_id.in_(treatment_ids),
                invoice_treatment.c.released.is_(False),
            )
        )
        return {row.treatment_id: row.invoice_number for row in rows}

    async def _positions(
        self, practice_id: UUID, treatment_ids: Collection[UUID]
    ) -> Mapping[UUID, list[Position]]:
        rows = await self._connection.execute(
            select(treatment_position)
            .where(
                treatment_position.c.practice_id == practice_id,
                treatment_position.c.treatment_id.in_(treatment_ids),
            )
            .order_by(treatment_position.c.treatment_id, treatment_position.c.place)
        )
        by_treatment: dict[UUID, list[Position]] = defaultdict(list)
        for row in rows.mappings():
            by_treatment[row["treatment_id"]].append(_position(row))
        return by_treatment


def _treatment_columns(new: Treatment) -> dict[str, object]:
    return {
        "practice_id": new.practice_id,
        "treatment_id": new.treatment_id,
        "patient_id": new.patient_id,
        "provider_id": new.provider_id,
        "begun_on": new.begun_on,
        "ended_on": new.ended_on,
        "reason": new.reason.value,
        "remark": new.remark,
        "total_rappen": new.total.rappen,
    }


def _treatment(row: RowMapping, positions: Mapping[UUID, list[Position]]) -> Treatment:
    return Treatment(
        treatment_id=row["treatment_id"],
        practice_id=row["practice_id"],
        patient_id=row["patient_id"],
        provider_id=row["provider_id"],
        begun_on=row["begun_on"],
        ended_on=row["ended_on"],
        reason=Reason(row["reason"]),
        positions=tuple(positions[row["treatment_id"]]),
        remark=row["remark"],
    )


def _position(row: RowMapping) -> Position:
    return Position(
        tariff_type=row["tariff_type"],
        code=row["code"],
        text=row["text"],
        performed_on=row["performed_on"],
        quantity=row["quantity"],
        points=row["points"],
        point_value=row["point_value"],
        vat_rate=row["vat_rate"],
        tooth=row["tooth"],
    )


def _position_columns(new: Treatment, position: Position, place: int) -> dict[str, object]:
    return {
        "practice_id": new.practice_id,
        "treatment_id": new.treatment_id,
        "place": place,
        "tariff_type": position.tariff_type,
        "code": position.code,
        "text": position.text,
        "performed_on": position.performed_on,
        "quantity": position.quantity,
        "points": position.points,
        "point_value": position.point_value,
        "vat_rate": position.vat_rate,
        "tooth": position.tooth,
        "amount_rappen": position.amount.rappen,
    }
