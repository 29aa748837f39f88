"""Closings and reopenings in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reconciliation.adapters import bulk
from services.reconciliation.adapters.tables_periods import CLOSING_BALANCE, PERIOD_CLOSING
from services.reconciliation.domain.journal import Head
from services.reconciliation.domain.periods import ClosingBalance, PeriodAction, PeriodDecision
from shared.kernel.money import Money

_DECISION = """
    SELECT c.*, (SELECT json_agg(json_build_array(b.account, b.debit_rappen, b.credit_rappen)
                                 ORDER BY b.account)
                 FROM closing_balance b WHERE b.closing_id = c.closing_id) AS balances
    FROM period_closing c WHERE c.practice_id = :practice_id
"""
_LATEST = text(f"{_DECISION} ORDER BY c.place DESC LIMIT 1")
_IN_FORCE = text(
    f"""{_DECISION} AND c.action = 'close'
      AND NOT EXISTS (SELECT FROM period_closing r WHERE r.reopens = c.closing_id)
    ORDER BY c.until DESC
    """
)
_HEAD = text("SELECT number, entry_hash FROM journal_head WHERE practice_id = :practice_id")
_BALANCES = text(
    """
    SELECT l.number AS account,
      coalesce(sum(t.amount_rappen) FILTER (WHERE t.amount_rappen > 0), 0)::bigint AS debit,
      coalesce(-sum(t.amount_rappen) FILTER (WHERE t.amount_rappen < 0), 0)::bigint AS credit
    FROM ledger_account l
    LEFT JOIN (posting t JOIN journal_entry e
                 ON e.entry_id = t.entry_id AND e.entry_date <= :day)
      ON t.practice_id = l.practice_id AND t.account = l.number
    WHERE l.practice_id = :practice_id GROUP BY l.number ORDER BY l.number
    """
)


class PostgresPeriodRepository:
    """`PeriodRepository` on an open, scoped transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def latest(self, practice_id: UUID) -> PeriodDecision | None:
        """Return the last decision, or None."""
        result = await self._connection.execute(_LATEST, {"practice_id": practice_id})
        row = result.mappings().one_or_none()
        return None if row is None else _decision(row)

    async def in_force(self, practice_id: UUID) -> Sequence[PeriodDecision]:
        """Return the closings that nobody reopened, by day, the latest first."""
        result = await self._connection.execute(_IN_FORCE, {"practice_id": practice_id})
        return [_decision(row) for row in result.mappings()]

    async def end_of_day(
        self, practice_id: UUID, day: date
    ) -> tuple[Head, tuple[ClosingBalance, ...]]:
        """Return the end of the journal, and every account of the chart at the end of a day."""
        only = {"practice_id": practice_id}
        head = (await self._connection.execute(_HEAD, only)).one()
        rows = await self._connection.execute(_BALANCES, only | {"day": day})
        balances = (
            ClosingBalance(row.account, Money(row.debit), Money(row.credit)) for row in rows
        )
        return Head(head.number, head.entry_hash), tuple(balances)

    async def store(self, decision: PeriodDecision) -> None:
        """Keep a decision."""
        values = {
            "closing_id": decision.closing_id,
            "practice_id": decision.practice_id,
            "place": decision.place,
            "action": decision.action.value,
            "until": decision.until,
            "closed_until": decision.closed_until,
            "reason": decision.reason,
            "decided_by": decision.decided_by,
            "decided_at": decision.decided_at,
            "head_number": decision.head.number if decision.head else None,
            "head_hash": decision.head.entry_hash if decision.head else None,
            "reopens": decision.reopens,
        }
        await bulk.insert(self._connection, PERIOD_CLOSING, [values])
        balances = [
            {
                "practice_id": decision.practice_id,
                "closing_id": decision.closing_id,
                "account": one.account,
                "debit_rappen": one.debit.rappen,
                "credit_rappen": one.credit.rappen,
            }
            for one in decision.balances
        ]
        await bulk.insert(self._connection, CLOSING_BALANCE, balances)


def _decision(row: RowMapping) -> PeriodDecision:
    return PeriodDecision(
        closing_id=row["closing_id"],
        practice_id=row["practice_id"],
        place=row["place"],
        action=PeriodAction(row["action"]),
        until=row["until"],
        closed_until=row["closed_until"],
        reason=row["reason"],
        decided_by=row["decided_by"],
        decided_at=row["decided_at"],
        head=None if row["head_hash"] is None else Head(row["head_number"], row["head_hash"]),
        balances=tuple(
            ClosingBalance(account, Money(debit), Money(credit))
            for account, debit, credit in row["balances"] or ()
        ),
        reopens=row["reopens"],
    )
