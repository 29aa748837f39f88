"""Makes the invented practice known to invoicing, through the handlers that people use."""

from __future__ import annotations

from bench.people import NOW, PRACTICE_ID, practice
from services.invoicing.adapters.unit_of_work import SqlUnitOfWork
from services.invoicing.domain.practice import Contract
from services.invoicing.handlers.add_contract import AddContract, add_contract
from services.invoicing.handlers.register_practice import RegisterPractice, register_practice
from shared.db.engine import Database
from shared.db.scope import Scope
from shared.testing import FrozenClock


async def furnish(database: Database, *contracts: Contract) -> None:
    """Register the practice with these contracts."""
    clock = FrozenClock(NOW)
    async with (
        database.transaction(Scope.of(PRACTICE_ID)) as connection,
        SqlUnitOfWork(connection, clock) as uow,
    ):
        await register_practice(RegisterPractice(practice()), uow, clock=clock)
        for one in contracts:
            await add_contract(AddContract(one), uow)
