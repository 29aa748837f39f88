"""Notes that invoices were printed: when and by whom; the first printing counts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from services.invoicing.domain.invoice import HistoryEntry
from services.invoicing.ports import UnitOfWork
from shared.kernel.clock import Clock
from shared.kernel.errors import DomainError
from shared.kernel.ids import derived_id


@dataclass(frozen=True, slots=True)
class MarkPrinted:
    """Mark these invoices as printed by this person; they may be of several practices in scope."""

    invoice_ids: tuple[UUID, ...]
    by: str


@dataclass(frozen=True, slots=True)
class Printed:
    """Which were marked now, by practice, and how many had been before."""

    by_practice: Mapping[UUID, Sequence[UUID]]
    before: int

    @property
    def newly(self) -> int:
        """How many were marked now."""
        return sum(len(ids) for ids in self.by_practice.values())


async def mark_printed(command: MarkPrinted, uow: UnitOfWork, *, clock: Clock) -> Printed:
    """Mark the invoices; one that is marked keeps its first day and person.

    Raises:
        DomainError: there is no such invoice in scope; nothing is marked then.
    """
    known = await uow.invoices.lock_standings(command.invoice_ids)
    for place, invoice_id in enumerate(command.invoice_ids):
        if invoice_id not in known:
            raise DomainError(
                "There is no such invoice.",
                code="unknown-invoice",
                field=f"invoice_ids.{place}",
            )
    newly = await uow.corrections.mark_printed(command.invoice_ids, at=clock.now(), by=command.by)
    entries = defaultdict[UUID, list[HistoryEntry]](list)
    for one, practice_id in newly.items():
        cause_id = derived_id("printed", one)
        entries[practice_id].append(HistoryEntry(one, "printed", clock.today(), cause_id=cause_id))
    for practice_id, of_practice in entries.items():
        await uow.invoices.add_history(practice_id, of_practice)
    by_practice = {
        practice_id: [entry.invoice_id for entry in of_practice]
        for practice_id, of_practice in entries.items()
    }
    return Printed(by_practice, before=len(known) - len(newly))
