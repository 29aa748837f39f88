"""Treatments and their tariff positions: points times point value, exact to the Rappen."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from shared.kernel.errors import DomainError
from shared.kernel.money import Money

POSITION_MAX = Money.parse("1000000.00")


class Reason(StrEnum):
    """Why the patient was treated."""

    DISEASE = "disease"
    ACCIDENT = "accident"
    MATERNITY = "maternity"
    PREVENTION = "prevention"
    BIRTH_DEFECT = "birthdefect"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Position:
    """One line of a tariff.

    Attributes:
        tariff_type: three characters ("222"), which tariff the code belongs to.
        points: tax points per unit.
        point_value: francs per point.
        vat_rate: per cent; prices include the tax.
        tooth: tooth number, or None.
    """

    tariff_type: str
    code: str
    text: str
    performed_on: date
    quantity: Decimal
    points: Decimal
    point_value: Decimal
    vat_rate: Decimal = Decimal(0)
    tooth: str | None = None

    @property
    def amount(self) -> Money:
        """Points × point value × quantity, rounded half up to the Rappen."""
        return Money.rounded(self.points * self.point_value * self.quantity)


@dataclass(frozen=True, slots=True)
class Treatment:
    """What was done for a patient; billed once, as a whole.

    Attributes:
        remark: free text for the invoice, or None.
    """

    treatment_id: UUID
    practice_id: UUID
    patient_id: UUID
    provider_id: UUID
    begun_on: date
    ended_on: date
    reason: Reason
    positions: tuple[Position, ...]
    remark: str | None = None

    @property
    def total(self) -> Money:
        """The sum of its positions."""
        return Money.total(position.amount for position in self.positions)


@dataclass(frozen=True, slots=True)
class VatLine:
    """What one VAT rate contributes: the amount with the tax, and the tax within it."""

    rate: Decimal
    amount: Money
    vat: Money


def check_treatment(treatment: Treatment, *, today: date) -> None:
    """Refuse a treatment whose dates or amounts cannot be.

    Raises:
        DomainError: names the field.
    """
    if treatment.ended_on < treatment.begun_on:
        raise _refused("The treatment ends before it begins.", "treatment-dates", "ended_on")
    if treatment.ended_on > today:
        raise _refused("The treatment ends in the future.", "treatment-dates", "ended_on")
    for place, position in enumerate(treatment.positions):
        if not treatment.begun_on <= position.performed_on <= treatment.ended_on:
            raise _refused(
                "The position was not performed during the treatment.",
                "position-date",
                f"positions.{place}.performed_on",
            )
        if position.amount > POSITION_MAX:
            raise _refused(
                f"A position may come to {POSITION_MAX.for_people()} at most.",
                "amount-too-large",
                f"positions.{place}.points",
            )


def vat_lines(positions: Iterable[Position]) -> tuple[VatLine, ...]:
    """Group positions by VAT rate, lowest rate first; each tax is rounded half up once."""
    by_rate: dict[Decimal, Money] = {}
    for position in positions:
        by_rate[position.vat_rate] = by_rate.get(position.vat_rate, Money.zero()) + position.amount
    return tuple(
        VatLine(rate, amount, Money.rounded(amount.francs * rate / (100 + rate)))
        for rate, amount in sorted(by_rate.items())
    )


def _refused(message: str, code: str, field: str) -> DomainError:
    return DomainError(message, code=code, field=field)
