"""Corrects or ends a price list, unless somebody else changed it since it was read."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from uuid import UUID

from services.invoicing.domain.price_list import PriceList
from services.invoicing.handlers.known import check_fresh
from services.invoicing.handlers.load_price_list import check_days, sound_lines
from services.invoicing.ports import UnitOfWork
from shared.kernel.clock import Clock
from shared.kernel.errors import DomainError, NotFoundError, StaleError


@dataclass(frozen=True, slots=True)
class ChangePriceList:
    """Give this price list these data and lines.

    Attributes:
        tariff_type, valid_from: what it is known by; they must be as they are.
        data: the CSV file with all lines; empty: the lines stay as they are.
        read: the version that was read, as text.
    """

    price_list_id: UUID
    practice_id: UUID
    name: str
    tariff_type: str
    point_value: Decimal
    valid_from: date
    valid_to: date | None
    data: bytes
    by: str
    read: str


@dataclass(frozen=True, slots=True)
class RevisedPriceList:
    """A price list as it was and as it is."""

    before: PriceList
    after: PriceList

    @property
    def changed_codes(self) -> list[str]:
        """The codes that came, went or have another line, in their order."""
        old = {line.code: line for line in self.before.lines}
        new = {line.code: line for line in self.after.lines}
        return sorted(code for code in old | new if old.get(code) != new.get(code))


async def change_price_list(
    command: ChangePriceList, uow: UnitOfWork, *, clock: Clock
) -> RevisedPriceList:
    """Keep the next version, which counts from now on; the same data again change nothing.

    What was recorded keeps the prices that it was recorded with.

    Raises:
        NotFoundError: the practice has no such price list.
        StaleError: it has another version than the one that was read.
        DomainError: tariff or first day differ, the days are the wrong way round, or the file
            cannot be taken; names lines.
    """
    before = await uow.prices.get(command.practice_id, command.price_list_id)
    if before is None:
        raise NotFoundError("There is no such price list.", code="price-list-not-found")
    check_fresh(read=command.read, present=before.version)
    for field in ("tariff_type", "valid_from"):
        if getattr(command, field) != getattr(before, field):
            raise DomainError(
                "Tariff and first day are what a price list is known by. Load another list.",
                code="fixed-field",
                field=field,
            )
    check_days(command.valid_from, command.valid_to)
    lines = before.lines
    if command.data.strip():
        lines = tuple(sorted(sound_lines(command.data), key=lambda line: line.code))
    wanted = replace(
        before,
        name=command.name,
        point_value=command.point_value,
        valid_to=command.valid_to,
        lines=lines,
    )
    if wanted == before:
        return RevisedPriceList(before, before)
    after = replace(wanted, version=before.version + 1, loaded_at=clock.now(), loaded_by=command.by)
    if not await uow.prices.revise(after, with_lines=lines != before.lines):
        raise StaleError(
            "Somebody has just changed this price list. Read it again.", code="changed-meanwhile"
        )
    return RevisedPriceList(before, after)
