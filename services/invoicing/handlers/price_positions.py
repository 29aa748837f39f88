"""Gives positions that name a code their text, points and point value from the price list."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from services.invoicing.domain.price_list import PositionDraft
from services.invoicing.domain.treatment import Position
from services.invoicing.handlers.known import known_patient, known_practice
from services.invoicing.ports import UnitOfWork
from shared.kernel.errors import DomainError


@dataclass(frozen=True, slots=True)
class PricePositions:
    """Price these positions of a patient's treatment."""

    practice_id: UUID
    patient_id: UUID
    drafts: tuple[PositionDraft, ...]


async def price_positions(command: PricePositions, uow: UnitOfWork) -> tuple[Position, ...]:
    """Return the positions, in the patient's language, as prices were on the day of each.

    Raises:
        NotFoundError: the practice does not exist.
        DomainError: it has no such patient, or no price list has a code on its day.
    """
    practice = await known_practice(uow, command.practice_id)
    patient = await known_patient(uow, command.practice_id, command.patient_id)
    languages = (patient.language or practice.language, practice.language)
    wanted = {draft.key for draft in command.drafts if draft.asks_price}
    prices = await uow.prices.find(command.practice_id, wanted) if wanted else {}
    for place, draft in enumerate(command.drafts):
        if draft.needs_price and draft.key not in prices:
            raise DomainError(
                f"No price list of tariff {draft.key.tariff_type} has the code {draft.key.code}"
                f" on {draft.key.day.isoformat()}.",
                code="unknown-code",
                field=f"positions.{place}.code",
            )
    return tuple(draft.priced(prices.get(draft.key), languages) for draft in command.drafts)
