"""Notes that invoices were printed: when and by whom; the first printing counts."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from services.invoicing.domain.invoice import HistoryEntry
from services.invoicing.ports import UnitOfWork
from shared.kernel.clock import Clock
from shared.kernel.errors import DomainError
from shared.kernel.ids import derived_id


@dataclass(frozen=True, slots=True)
class MarkPrinted:
    """Mark these invoices as printed by this person."""

    practice_id: UUID
    invoice_ids: tuple[UUID, ...]
    by: str


@dataclass(frozen=True, slots=True)
class Printed:
    """How many were marked now, and how many had been before."""

    newly: int
    before: int


async def mark_printed(command: MarkPrinted, uow: UnitOfWork, *, clock: Clock) -> Printed:
    """Mark the invoices; one that is marked keeps its first day and person.

    Raises:
        DomainError: the practice has no such invoice; nothing is marked then.
    """
    known = await uow.invoices.lock_standings(command.invoice_ids)
    for place, invoice_id in enumerate(command.invoice_ids):
        if invoice_id not in known:
            raise DomainError(
                "The practice has no such invoice.",
                code="unknown-invoice",
                field=f"invoice_ids.{place}",
            )
    newly = await uow.corrections.mark_printed(command.invoice_ids, at=clock.now(), by=command.by)
    entries = [
        HistoryEntry(one, "printed", clock.today(), cause_id=derived_id("printed", one))
        for one in newly
    ]
    await uow.invoices.add_history(command.practice_id, entries)
    return Printed(newly=len(newly), before=len(known) - len(newly))
