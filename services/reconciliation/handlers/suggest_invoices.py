"""Names the invoices of a practice that a parked row may mean; changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from services.reconciliation.domain.suggesting import Suggestion, similar_numbers, suggestions
from services.reconciliation.ports import UnitOfWork
from shared.kernel.errors import NotFoundError


@dataclass(frozen=True, slots=True)
class SuggestInvoices:
    """Which invoices may this row mean?"""

    practice_id: UUID
    row_id: UUID


async def suggest_invoices(command: SuggestInvoices, uow: UnitOfWork) -> Sequence[Suggestion]:
    """Return the invoices for which most speaks, best first.

    Raises:
        NotFoundError: the practice has no such row.
    """
    row = await uow.row_decisions.read(command.practice_id, command.row_id)
    if row is None:
        raise NotFoundError("this practice has no such parked row", code="row-not-found")
    number = row.invoice_number
    numbers = {number, *similar_numbers(number)} if number else set()
    candidates = await uow.row_decisions.candidates(command.practice_id, row, numbers=numbers)
    return suggestions(row, candidates)
