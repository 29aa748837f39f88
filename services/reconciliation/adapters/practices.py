"""Practices, contracts and charts of accounts in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reconciliation.adapters import bulk
from services.reconciliation.adapters.tables import (
    CONTRACT,
    JOURNAL_HEAD,
    LEDGER_ACCOUNT,
    PRACTICE,
)
from services.reconciliation.domain.accounts import AccountRole, Chart, LedgerAccount
from services.reconciliation.domain.journal import GENESIS_HASH
from services.reconciliation.domain.model import (
    AcquittalMode,
    Beneficiary,
    Component,
    Contract,
    DebBooking,
    Practice,
)

_TERMS = [column.name for column in CONTRACT.columns if column.name != "contract_id"]
_REPLACE = "ON CONFLICT (contract_id) DO UPDATE SET " + ", ".join(
    f"{name} = excluded.{name}" for name in _TERMS
)


class PostgresPracticeRepository:
    """`PracticeRepository` on an open, scoped transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def register(self, practice: Practice, chart: Sequence[LedgerAccount]) -> bool:
        """Store a practice, its chart and an empty journal; False if it is known already."""
        new = await bulk.insert(
            self._connection,
            PRACTICE,
            [asdict(practice)],
            on_conflict="ON CONFLICT (practice_id) DO NOTHING",
        )
        if not new:
            return False
        for account in chart:
            await self.open_account(practice.practice_id, account)
        await bulk.insert(
            self._connection,
            JOURNAL_HEAD,
            [{"practice_id": practice.practice_id, "number": 0, "entry_hash": GENESIS_HASH}],
        )
        return True

    async def chart(self, practice_id: UUID) -> Chart:
        """Return the practice's chart of accounts."""
        rows = await self._connection.execute(
            text("SELECT number, role, name FROM ledger_account WHERE practice_id = :practice_id"),
            {"practice_id": practice_id},
        )
        return Chart(LedgerAccount(row.number, AccountRole(row.role), row.name) for row in rows)

    async def open_account(self, practice_id: UUID, account: LedgerAccount) -> None:
        """Add one account to the chart."""
        await bulk.insert(
            self._connection, LEDGER_ACCOUNT, [{"practice_id": practice_id, **asdict(account)}]
        )

    async def contract(self, contract_id: UUID) -> Contract | None:
        """Return the present terms, or None if the contract is unknown to this practice."""
        result = await self._connection.execute(
            CONTRACT.select().where(CONTRACT.c.contract_id == contract_id)
        )
        row = result.mappings().one_or_none()
        if row is None:
            return None
        terms = dict(row)
        terms["acquittal"] = AcquittalMode(terms["acquittal"])
        terms["deb_booking"] = DebBooking(terms["deb_booking"])
        terms["reminder_fee_beneficiary"] = Beneficiary(terms["reminder_fee_beneficiary"])
        order = terms["payment_order"].split(",")
        terms["payment_order"] = tuple(Component(component) for component in order)
        return Contract(**terms)

    async def save_contract(self, contract: Contract) -> None:
        """Store the terms, in place of earlier ones."""
        terms = asdict(contract) | {"payment_order": ",".join(contract.payment_order)}
        await bulk.insert(self._connection, CONTRACT, [terms], on_conflict=_REPLACE)
