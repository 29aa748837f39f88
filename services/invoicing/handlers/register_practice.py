"""Registers a practice, so that everything else about it has a home."""

from __future__ import annotations

from dataclasses import dataclass

from services.invoicing.domain.events import PracticeWasRegistered
from services.invoicing.domain.practice import Practice
from services.invoicing.ports import UnitOfWork
from shared.kernel.clock import Clock
from shared.kernel.errors import ConflictError


@dataclass(frozen=True, slots=True)
class RegisterPractice:
    """Register this practice."""

    practice: Practice


async def register_practice(
    command: RegisterPractice, uow: UnitOfWork, *, clock: Clock
) -> Practice:
    """Keep the practice and tell the other services.

    Raises:
        ConflictError: a practice with this GLN exists.
    """
    practice = command.practice
    if not await uow.practices.add(practice):
        raise ConflictError(
            f"A practice with the GLN {practice.gln} exists already.",
            code="practice-exists",
            field="gln",
        )
    uow.record(PracticeWasRegistered(practice, clock.now()))
    return practice
