"""A practice was registered: from now on it may have contracts, invoices and orders."""

from __future__ import annotations

from dataclasses import dataclass

from services.orders.domain.model import Practice
from services.orders.handlers.outcome import Outcome
from services.orders.ports import UnitOfWork
from shared.kernel.errors import PermanentError


@dataclass(frozen=True, slots=True)
class RegisterPractice:
    """Note a practice and the GLN that its packages will carry."""

    practice: Practice


async def register_practice(command: RegisterPractice, uow: UnitOfWork) -> Outcome:
    """Note the practice; a repetition changes nothing.

    Raises:
        PermanentError: the practice is known with another GLN, which nobody may change silently.
    """
    practice = command.practice
    if await uow.practices.add(practice):
        await uow.arrivals.forget_deadlines(practice.practice_id)  # Its holidays are known now.
        await uow.leavings.forget_deadlines(practice.practice_id)
        return Outcome.DONE
    known = await uow.practices.get(practice.practice_id)
    if known is None or known.gln != practice.gln:
        raise PermanentError(f"practice {practice.practice_id} is known with another GLN")
    return Outcome.ALREADY_DONE
