"""Keeps what a contract says about the portal."""

from __future__ import annotations

from dataclasses import dataclass

from services.debident_gateway.domain.model import ContractTerms
from services.debident_gateway.ports import UnitOfWork


@dataclass(frozen=True, slots=True)
class ApplyContractTerms:
    """The contract was made or changed."""

    terms: ContractTerms


async def apply_contract_terms(command: ApplyContractTerms, uow: UnitOfWork) -> bool:
    """Store the terms; return False where these or newer ones were known. Idempotent."""
    return await uow.contracts.save_if_newer(command.terms)
