"""A billing office wants orders of many practices: each contract becomes a task of the queue.

Nothing is prepared here. A worker takes each task in a transaction of its own, so that one
practice's trouble is no other's, and the report says what came of each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from services.orders.domain.model import Contract
from services.orders.domain.notices import Notice
from services.orders.domain.selection import Rule
from services.orders.domain.task import Task
from services.orders.handlers.choosing import checked_message
from services.orders.ports import UnitOfWork
from shared.kernel.clock import Clock
from shared.kernel.errors import DomainError
from shared.kernel.ids import ContractId, PracticeId, derived_id

CONTRACTS_MAX = 2000


@dataclass(frozen=True, slots=True)
class QueueOrders:
    """Prepare orders of several contracts.

    Attributes:
        batch_id: chosen before any work is done.
        contracts: (practice, contract); None: every contract in force in the scope of the caller.
        by: who asks.
    """

    batch_id: UUID
    contracts: tuple[tuple[PracticeId, ContractId], ...] | None
    by: str
    communication: str = ""
    notices: tuple[Notice, ...] = ()
    rule: Rule | None = None


async def queue_orders(command: QueueOrders, uow: UnitOfWork, clock: Clock) -> list[Task]:
    """Put one task per contract into the queue; the same batch again adds nothing.

    Raises:
        DomainError: the message is not usable, a contract is unknown to the caller or named twice,
            or there is none.
    """
    message = checked_message(command.communication, command.notices, {})
    now = clock.now()
    tasks = [
        Task(
            task_id=derived_id("prepare-task", command.batch_id, contract.contract_id),
            batch_id=command.batch_id,
            practice_id=contract.practice_id,
            contract_id=contract.contract_id,
            asked_by=command.by,
            asked_at=now,
            next_try_at=now,
            communication=message.communication,
            notices=message.notices,
            rule=command.rule,
        )
        for contract in await wanted_contracts(command.contracts, uow)
    ]
    await uow.tasks.add(tasks)
    return tasks


async def wanted_contracts(
    chosen: Sequence[tuple[PracticeId, ContractId]] | None, uow: UnitOfWork
) -> Sequence[Contract]:
    """Return the chosen contracts, or (None) every contract in force in the scope of the caller.

    Raises:
        DomainError: a contract is unknown to the caller or named twice, or there is none.
    """
    active = await uow.contracts.active()
    if chosen is not None:
        return _chosen(chosen, active)
    if not active:
        raise DomainError(
            "None of your practices has a contract in force.", code="no-contract-in-force"
        )
    if len(active) > CONTRACTS_MAX:
        raise DomainError(
            f"These are more than {CONTRACTS_MAX} contracts. Choose some of them.",
            code="too-many-contracts",
            field="contracts",
        )
    return active


def _chosen(
    wanted: Sequence[tuple[PracticeId, ContractId]], active: Sequence[Contract]
) -> list[Contract]:
    known = {(contract.practice_id, contract.contract_id): contract for contract in active}
    for place, key in enumerate(wanted):
        if key not in known:
            raise DomainError(
                "You have no such contract in force.",
                code="contract-unknown",
                field=f"contracts.{place}",
            )
        if key in wanted[:place]:
            raise DomainError(
                "The same contract was chosen twice.",
                code="contract-chosen-twice",
                field=f"contracts.{place}",
            )
    return [known[key] for key in wanted]
