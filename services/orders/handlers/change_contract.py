"""A contract was made or changed: orders keeps the newest version that it has heard of."""

from __future__ import annotations

from dataclasses import dataclass

from services.orders.domain.model import Contract
from services.orders.handlers.needs import need_practice
from services.orders.handlers.outcome import Outcome
from services.orders.ports import UnitOfWork


@dataclass(frozen=True, slots=True)
class ChangeContract:
    """Note the present terms of a contract."""

    contract: Contract


async def change_contract(command: ChangeContract, uow: UnitOfWork) -> Outcome:
    """Keep the contract if its version is newer than what is known.

    Raises:
        TooEarlyError: the practice is not known yet.
    """
    await need_practice(uow, command.contract.practice_id)
    contract = command.contract
    changed = await uow.contracts.keep_newest(contract)
    if changed:
        await uow.arrivals.forget_deadlines(contract.practice_id, contract_id=contract.contract_id)
        await uow.leavings.forget_deadlines(contract.practice_id, contract_id=contract.contract_id)
    return Outcome.of(changed=changed)
