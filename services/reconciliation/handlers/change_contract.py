"""Takes over the terms of a factoring contract, and opens its ledger account."""

from __future__ import annotations

from dataclasses import dataclass

from services.reconciliation.domain.model import Contract
from services.reconciliation.ports import UnitOfWork
from shared.kernel.errors import TooEarlyError


@dataclass(frozen=True, slots=True)
class ChangeContract:
    """Work by these terms from now on."""

    contract: Contract


async def change_contract(command: ChangeContract, uow: UnitOfWork) -> bool:
    """Store the terms; return False, and change nothing, if these or later ones are known.

    Raises:
        TooEarlyError: the practice is not known yet.
        AccountTakenError: the ledger account already plays another role.
    """
    contract = command.contract
    if not await uow.books.lock(contract.practice_id):
        raise TooEarlyError(
            f"practice {contract.practice_id} is unknown", waits_for=str(contract.practice_id)
        )
    known = await uow.practices.contract(contract.contract_id)
    if known is not None and known.version >= contract.version:
        return False
    chart = await uow.practices.chart(contract.practice_id)
    account = chart.opening(contract.ledger_account, factor=contract.factor)
    if account is not None:
        await uow.practices.open_account(contract.practice_id, account)
    await uow.practices.save_contract(contract)
    return True
