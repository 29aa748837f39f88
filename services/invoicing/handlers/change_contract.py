"""Changes the terms of a contract, unless somebody else did since they were read."""

from __future__ import annotations

from dataclasses import dataclass, replace

from services.invoicing.domain.events import ContractHasChanged
from services.invoicing.domain.practice import Contract
from services.invoicing.handlers.known import check_fresh
from services.invoicing.ports import UnitOfWork
from shared.kernel.errors import ConflictError, NotFoundError


@dataclass(frozen=True, slots=True)
class ChangeContract:
    """Give this contract these terms.

    Attributes:
        read: the version that the terms were read in, as text.
    """

    contract: Contract
    read: str


async def change_contract(command: ChangeContract, uow: UnitOfWork) -> Contract:
    """Write the terms under the next version, and tell the others; the same terms change nothing.

    Raises:
        NotFoundError: the practice has no such contract.
        StaleError: it has another version than the one that was read.
        ConflictError: another contract has the account.
    """
    wanted = command.contract
    before = await uow.practices.lock_contract(wanted.practice_id, wanted.contract_id)
    if before is None:
        raise NotFoundError("There is no such contract.", code="contract-not-found")
    check_fresh(read=command.read, present=before.version)
    if replace(wanted, version=before.version) == before:
        return before
    after = replace(wanted, version=before.version + 1)
    if not await uow.practices.change_contract(after):
        raise ConflictError(
            f"The practice has a contract for the account {after.account_number} already.",
            code="contract-exists",
            field="account_number",
        )
    uow.record(ContractHasChanged(after))
    return after
