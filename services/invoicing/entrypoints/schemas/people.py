"""Bodies about patients and treatments."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from services.invoicing.domain.people import Gender, Patient, Sex
from services.invoicing.domain.practice import Language
from services.invoicing.domain.price_list import PositionDraft, PriceKey
from services.invoicing.domain.treatment import Position, Reason, Treatment
from services.invoicing.entrypoints.schemas.debtors import (
    GuarantorBody,
    HomeAddressBody,
    guarantor_answer,
    home_address,
)
from services.invoicing.entrypoints.schemas.fields import (
    LongText,
    Name,
    PersonNumber,
    Points,
    PointValue,
    Quantity,
    SearchWords,
    Ssn,
    TariffCode,
    TariffType,
    Tooth,
    VatRate,
    money,
    number,
)
from services.invoicing.views.people import PatientFilter
from shared.contracts.envelope import WireMoney
from shared.web.endpoints import ApiModel
from shared.web.paging import Page, PageQuery, Totals


class PatientRequest(ApiModel):
    """A patient to add. Gender is how the person is addressed; without it, the sex counts."""

    patient_number: PersonNumber
    family_name: Name
    given_name: Name
    birth_date: Annotated[date, Field(ge=date(1900, 1, 1))]
    sex: Literal["male", "female"]
    gender: Literal["male", "female", "diverse"] | None = None
    ssn: Ssn | None = None
    language: Literal["de", "fr", "it"] | None = None
    address: HomeAddressBody | None = None
    guarantor: GuarantorBody | None = None

    def to_domain(self, practice_id: UUID, patient_id: UUID) -> Patient:
        """Read the patient."""
        return Patient(
            patient_id=patient_id,
            practice_id=practice_id,
            patient_number=self.patient_number,
            family_name=self.family_name,
            given_name=self.given_name,
            birth_date=self.birth_date,
            sex=Sex(self.sex),
            gender=Gender(self.gender or self.sex),
            ssn=self.ssn,
            language=Language(self.language) if self.language else None,
            address=self.address.to_domain() if self.address else None,
            guarantor=self.guarantor.to_domain() if self.guarantor else None,
        )


class PatientAnswer(PatientRequest):
    """A patient of the practice."""

    patient_id: UUID
    version: Annotated[int, Field(description="Counts the edits; it is the ETag")]


class PatientQuery(PageQuery):
    """Which patients to show; every part that is given must hold."""

    patient_number: PersonNumber | None = None
    birth_date: date | None = None
    text: Annotated[
        SearchWords | None,
        Field(
            description="Each word begins a name of the patient or a word of the guarantor's name;"
            " case and accents do not matter"
        ),
    ] = None

    def to_filter(self) -> PatientFilter:
        """Read the selection."""
        return PatientFilter(
            patient_number=self.patient_number,
            birth_date=self.birth_date,
            words=tuple((self.text or "").split()),
        )


class PatientPage(Page):
    """Patients of a practice, by patient number."""

    items: list[PatientAnswer]


def patient_answer(row: Any) -> PatientAnswer:
    """Write a patient."""
    return PatientAnswer(
        patient_id=row["patient_id"],
        version=row["version"],
        patient_number=row["patient_number"],
        family_name=row["family_name"],
        given_name=row["given_name"],
        birth_date=row["birth_date"],
        sex=row["sex"],
        gender=row["gender"],
        ssn=row["ssn"],
        language=row["language"],
        address=home_address(row),
        guarantor=guarantor_answer(row),
    )


class PositionBody(ApiModel):
    """One tariff position; quantity, points and point value are decimal strings."""

    tariff_type: TariffType = "222"
    code: TariffCode
    text: LongText
    performed_on: date
    quantity: Quantity = "1"
    points: Points
    point_value: PointValue
    vat_rate: VatRate = "0"
    tooth: Tooth | None = None


class PositionRequest(ApiModel):
    """One position to record; what is left out comes from the price list of its day.

    A tax rate that is left out is 0 where no list has the code and nothing else is left out.
    """

    tariff_type: TariffType = "222"
    code: TariffCode
    text: LongText | None = None
    performed_on: date
    quantity: Quantity = "1"
    points: Points | None = None
    point_value: PointValue | None = None
    vat_rate: VatRate | None = None
    tooth: Tooth | None = None

    def to_draft(self) -> PositionDraft:
        """Read the position."""
        return PositionDraft(
            key=PriceKey(self.tariff_type, self.code, self.performed_on),
            text=self.text,
            quantity=Decimal(self.quantity),
            points=_number(self.points),
            point_value=_number(self.point_value),
            vat_rate=_number(self.vat_rate),
            tooth=self.tooth,
        )


def _number(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


class TreatmentRequest(ApiModel):
    """A treatment to record."""

    patient_id: UUID
    provider_id: UUID
    begun_on: date
    ended_on: date
    reason: Literal["disease", "accident", "maternity", "prevention", "birthdefect", "unknown"]
    positions: Annotated[list[PositionRequest], Field(min_length=1, max_length=200)]
    remark: LongText | None = None

    def to_domain(
        self, practice_id: UUID, treatment_id: UUID, positions: tuple[Position, ...]
    ) -> Treatment:
        """Read the treatment, whose positions have their prices."""
        return Treatment(
            treatment_id=treatment_id,
            practice_id=practice_id,
            patient_id=self.patient_id,
            provider_id=self.provider_id,
            begun_on=self.begun_on,
            ended_on=self.ended_on,
            reason=Reason(self.reason),
            positions=positions,
            remark=self.remark,
        )


class PositionAnswer(PositionBody):
    """A position with its amount: points × point value × quantity, rounded half up."""

    amount: WireMoney


class TreatmentAnswer(ApiModel):
    """A treatment, its amount, and the invoice that billed it."""

    treatment_id: UUID
    patient_id: UUID
    provider_id: UUID
    begun_on: date
    ended_on: date
    reason: str
    remark: str | None
    state: Literal["open", "billed"]
    invoice_id: UUID | None
    invoice_number: str | None
    total: WireMoney
    positions: list[PositionAnswer]


class TreatmentQuery(PageQuery):
    """Which treatments to show."""

    patient_id: UUID | None = None
    state: Literal["open", "billed"] | None = None


class TreatmentTotals(Totals):
    """How many treatments there are, and what they come to."""

    total: WireMoney | None


class TreatmentPage(Page):
    """Treatments of a practice, by their first day."""

    items: list[TreatmentAnswer]
    totals: TreatmentTotals | None


def treatment_answer(row: Any, positions: Sequence[Any]) -> TreatmentAnswer:
    """Write a treatment."""
    return TreatmentAnswer(
        treatment_id=row["treatment_id"],
        patient_id=row["patient_id"],
        provider_id=row["provider_id"],
        begun_on=row["begun_on"],
        ended_on=row["ended_on"],
        reason=row["reason"],
        remark=row["remark"],
        state="open" if row["invoice_id"] is None else "billed",
        invoice_id=row["invoice_id"],
        invoice_number=row["invoice_number"],
        total=money(row["total_rappen"]),
        positions=[_position_answer(position) for position in positions],
    )


def _position_answer(row: Any) -> PositionAnswer:
    return PositionAnswer(
        tariff_type=row["tariff_type"],
        code=row["code"],
        text=row["text"],
        performed_on=row["performed_on"],
        quantity=number(row["quantity"]),
        points=number(row["points"]),
        point_value=number(row["point_value"]),
        vat_rate=number(row["vat_rate"]),
        tooth=row["tooth"],
        amount=money(row["amount_rappen"]),
    )
