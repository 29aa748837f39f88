"""Keeps what a contract says about the portal."""

from __future__ import annotations

from dataclasses import dataclass

from services.debident_gateway.domain.model import ContractTerms
from services.debident_gateway.handlers.guard import let_go_of_left
from services.debident_gateway.ports import UnitOfWork
from shared.kernel.clock import Clock


@dataclass(frozen=True, slots=True)
class ApplyContractTerms:
    """The contract was made or changed."""

    terms: ContractTerms


async def apply_contract_terms(command: ApplyContractTerms, uow: UnitOfWork, clock: Clock) -> bool:
    """Store the terms; return False where these or newer ones were known. Idempotent.

    Outages of a way to the portal that no contract of the practice uses any more end for it.
    """
    if not await uow.contracts.save_if_newer(command.terms):
        return False
    await let_go_of_left(None, command.terms.practice_id, uow, now=clock.now())
    return True
