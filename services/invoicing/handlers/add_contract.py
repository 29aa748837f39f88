"""Adds a factoring contract to a practice."""

from __future__ import annotations

from dataclasses import dataclass

from services.invoicing.domain.events import ContractHasChanged
from services.invoicing.domain.practice import Contract
from services.invoicing.handlers.known import known_practice
from services.invoicing.ports import UnitOfWork
from shared.kernel.errors import ConflictError


@dataclass(frozen=True, slots=True)
class AddContract:
    """Add this contract to its practice."""

    contract: Contract


async def add_contract(command: AddContract, uow: UnitOfWork) -> Contract:
    """Keep the contract, version 1, and tell the other services all of its terms.

    Raises:
        NotFoundError: the practice does not exist.
        ConflictError: the practice has a contract for this account of the factor.
    """
    contract = command.contract
    await known_practice(uow, contract.practice_id)
    if not await uow.practices.add_contract(contract):
        raise ConflictError(
            f"The practice has a contract for the account {contract.account_number} already.",
            code="contract-exists",
            field="account_number",
        )
    uow.record(ContractHasChanged(contract))
    return contract
