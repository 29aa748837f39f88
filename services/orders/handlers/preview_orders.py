"""A dry run of many orders: of each contract what preparing would do now. Nothing is changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from services.orders.domain.model import Contract
from services.orders.domain.notices import Notice
from services.orders.domain.selection import Reason, Rule
from services.orders.handlers.choosing import checked_message
from services.orders.handlers.preview_order import PreviewOrder, preview_order
from services.orders.handlers.queue_orders import wanted_contracts
from services.orders.ports import UnitOfWork
from shared.kernel.clock import Clock
from shared.kernel.errors import DomainError
from shared.kernel.ids import ContractId, PracticeId
from shared.kernel.money import Money


@dataclass(frozen=True, slots=True)
class PreviewOrders:
    """Foresee orders of several contracts; the same words as for queueing them."""

    contracts: tuple[tuple[PracticeId, ContractId], ...] | None
    communication: str = ""
    notices: tuple[Notice, ...] = ()
    rule: Rule | None = None


@dataclass(frozen=True, slots=True)
class ForeseenContract:
    """What would become of one contract, in figures.

    Attributes:
        obstacles: what preparing would be refused with, the first one first; empty: nothing.
    """

    contract: Contract
    obstacles: tuple[DomainError, ...]
    invoice_count: int
    total: Money
    credit_note_count: int
    left_out_counts: Mapping[Reason, int]


async def preview_orders(
    command: PreviewOrders, uow: UnitOfWork, clock: Clock
) -> list[ForeseenContract]:
    """Return what preparing an order of each contract would do at this moment.

    Raises:
        DomainError: what queueing them would be refused with as a whole.
    """
    checked_message(command.communication, command.notices, {})
    contracts = await wanted_contracts(command.contracts, uow)
    return [await _foreseen(contract, command, uow, clock) for contract in contracts]


async def _foreseen(
    contract: Contract, command: PreviewOrders, uow: UnitOfWork, clock: Clock
) -> ForeseenContract:
    wish = PreviewOrder(contract.practice_id, contract.contract_id, rule=command.rule)
    foreseen = await preview_order(wish, uow, clock)
    return ForeseenContract(
        contract=contract,
        obstacles=foreseen.obstacles,
        invoice_count=len(foreseen.selection.lines),
        total=foreseen.selection.total,
        credit_note_count=len(foreseen.credit_notes),
        left_out_counts=foreseen.left_out_counts,
    )
