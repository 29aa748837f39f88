"""Loads a price list: all of it, or nothing and every reason why not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from services.invoicing.domain.price_list import PriceLine, PriceList, read_price_lines
from services.invoicing.handlers.known import known_practice
from services.invoicing.ports import UnitOfWork
from shared.kernel.clock import Clock
from shared.kernel.errors import ConflictError, DomainError

_FAULTS_TOLD_MAX = 50


@dataclass(frozen=True, slots=True)
class LoadPriceList:
    """Load this CSV file as a price list."""

    price_list_id: UUID
    practice_id: UUID
    name: str
    tariff_type: str
    point_value: Decimal
    valid_from: date
    valid_to: date | None
    data: bytes
    by: str


async def load_price_list(command: LoadPriceList, uow: UnitOfWork, *, clock: Clock) -> PriceList:
    """Keep the list.

    Raises:
        NotFoundError: the practice does not exist.
        ConflictError: a list of this tariff begins on this day already.
        DomainError: the days are the wrong way round, or the file cannot be taken; names lines.
    """
    await known_practice(uow, command.practice_id)
    check_days(command.valid_from, command.valid_to)
    lines = sound_lines(command.data)
    price_list = PriceList(
        price_list_id=command.price_list_id,
        practice_id=command.practice_id,
        name=command.name,
        tariff_type=command.tariff_type,
        point_value=command.point_value,
        valid_from=command.valid_from,
        valid_to=command.valid_to,
        lines=tuple(lines),
        loaded_at=clock.now(),
        loaded_by=command.by,
    )
    if not await uow.prices.add(price_list):
        raise ConflictError(
            f"A price list of tariff {command.tariff_type} begins on"
            f" {command.valid_from.isoformat()} already.",
            code="price-list-exists",
            field="valid_from",
        )
    return price_list


def check_days(valid_from: date, valid_to: date | None) -> None:
    """Check that a price list holds for a day at least.

    Raises:
        DomainError: it ends before it begins.
    """
    if valid_to is not None and valid_to < valid_from:
        raise DomainError(
            "The price list ends before it begins.", code="price-list-days", field="valid_to"
        )


def sound_lines(data: bytes) -> list[PriceLine]:
    """Return the lines of a CSV file.

    Raises:
        DomainError: the file cannot be taken; names lines.
    """
    lines, faults = read_price_lines(data)
    if faults:
        raise DomainError(
            f"{len(faults)} faults in the file; nothing was loaded.",
            code="price-list-faults",
            faults=[
                {"line": one.line, "column": one.column, "reason": one.reason}
                for one in faults[:_FAULTS_TOLD_MAX]
            ],
        )
    return lines
