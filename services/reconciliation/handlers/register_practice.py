"""Opens the books of a new practice: its chart of accounts and an empty journal."""

from __future__ import annotations

from dataclasses import dataclass

from services.reconciliation.domain.accounts import DEFAULT_CHART
from services.reconciliation.domain.model import Practice
from services.reconciliation.ports import UnitOfWork


@dataclass(frozen=True, slots=True)
class RegisterPractice:
    """Open the books of this practice."""

    practice: Practice


async def register_practice(command: RegisterPractice, uow: UnitOfWork) -> bool:
    """Open the books; return False, and change nothing, if they are open already."""
    return await uow.practices.register(command.practice, DEFAULT_CHART)
