"""Reads closings and reopenings, and proves that what was closed has not changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reconciliation.domain.journal import Head

_IN_FORCE = """c.action = 'close'
      AND NOT EXISTS (SELECT FROM period_closing r WHERE r.reopens = c.closing_id)"""
_BALANCES = """(
      SELECT json_agg(json_build_array(b.account, b.debit_rappen, b.credit_rappen)
                      ORDER BY b.account)
      FROM closing_balance b WHERE b.closing_id = c.closing_id) AS balances"""
DECISIONS = "SELECT place FROM period_closing WHERE practice_id = :practice_id"
_LIST = text(
    f"""
    SELECT c.*, {_BALANCES}, {_IN_FORCE} AS in_force FROM period_closing c
    WHERE c.practice_id = :practice_id
      AND (CAST(:after AS integer) IS NULL OR c.place < CAST(:after AS integer))
    ORDER BY c.place DESC LIMIT :limit
    """  # noqa: S608 - constants of ours
)
_ONE = text(
    f"""SELECT c.*, {_BALANCES}, {_IN_FORCE} AS in_force FROM period_closing c
    WHERE c.closing_id = :closing_id"""  # noqa: S608 - constants of ours
)
_CLOSED_UNTIL = text(
    """
    SELECT closed_until FROM period_closing WHERE practice_id = :practice_id
      AND (CAST(:before AS integer) IS NULL OR place < CAST(:before AS integer))
    ORDER BY place DESC LIMIT 1
    """
)
# The first closing over a day: later closings do not change what it was for that day.
_CLOSING_OVER = text(
    f"""
    SELECT c.head_number, c.head_hash,
      (SELECT array_agg(b.account) FROM closing_balance b WHERE b.closing_id = c.closing_id)
        AS accounts
    FROM period_closing c
    WHERE c.practice_id = :practice_id AND c.until >= :day AND {_IN_FORCE}
    ORDER BY c.until LIMIT 1
    """  # noqa: S608 - constants of ours
)
# Every closing's last entry stays, also after a reopening; balances hold while it is in force.
_CHANGED = text(
    f"""
    WITH day AS MATERIALIZED (
      SELECT t.account, e.entry_date,
        coalesce(sum(t.amount_rappen) FILTER (WHERE t.amount_rappen > 0), 0) AS debit,
        coalesce(-sum(t.amount_rappen) FILTER (WHERE t.amount_rappen < 0), 0) AS credit
      FROM posting t JOIN journal_entry e ON e.entry_id = t.entry_id
      WHERE t.practice_id = :practice_id GROUP BY t.account, e.entry_date),
    judged AS (
      SELECT c.place, c.until,
        c.head_number > 0 AND NOT EXISTS (
          SELECT FROM journal_entry e WHERE e.practice_id = c.practice_id
            AND e.number = c.head_number AND e.entry_hash = c.head_hash) AS cut,
        {_IN_FORCE} AND EXISTS (
          SELECT FROM (SELECT * FROM closing_balance WHERE closing_id = c.closing_id) AS b
          FULL JOIN (SELECT account, sum(debit) AS debit, sum(credit) AS credit FROM day
                     WHERE entry_date <= c.until GROUP BY account) AS s ON s.account = b.account
          WHERE (coalesce(b.debit_rappen, 0), coalesce(b.credit_rappen, 0))
            <> (coalesce(s.debit, 0), coalesce(s.credit, 0))) AS moved
      FROM period_closing c WHERE c.practice_id = :practice_id AND c.action = 'close')
    SELECT until, cut, moved FROM judged WHERE cut OR moved ORDER BY place
    """  # noqa: S608 - constants of ours
)


@dataclass(frozen=True, slots=True)
class ClosingOver:
    """What an export of closed days stands on: the end of the journal and the accounts then."""

    head: Head
    accounts: frozenset[str]


async def decisions(
    connection: AsyncConnection, practice_id: UUID, *, after: int | None, limit: int
) -> Sequence[RowMapping]:
    """Return closings and reopenings before place `after`, the last one first."""
    result = await connection.execute(
        _LIST, {"practice_id": practice_id, "after": after, "limit": limit}
    )
    return result.mappings().all()


async def decision(connection: AsyncConnection, closing_id: UUID) -> RowMapping:
    """Return a closing or reopening that exists."""
    return (await connection.execute(_ONE, {"closing_id": closing_id})).mappings().one()


async def closed_until(
    connection: AsyncConnection, practice_id: UUID, *, before: int | None = None
) -> date | None:
    """Return the day up to which the books are closed, or were before a place, or None."""
    wanted = {"practice_id": practice_id, "before": before}
    day: date | None = await connection.scalar(_CLOSED_UNTIL, wanted)
    return day


async def closing_over(
    connection: AsyncConnection, practice_id: UUID, day: date
) -> ClosingOver | None:
    """Return the first closing in force that a day falls under, or None if the day is open."""
    result = await connection.execute(_CLOSING_OVER, {"practice_id": practice_id, "day": day})
    row = result.one_or_none()
    if row is None:
        return None
    return ClosingOver(Head(row.head_number, row.head_hash), frozenset(row.accounts))


async def changed_periods(connection: AsyncConnection, practice_id: UUID) -> tuple[str, ...]:
    """Return one sentence for each closed period that is not as it was when it was closed."""
    rows = await connection.execute(_CHANGED, {"practice_id": practice_id})
    return tuple(
        f"the period closed up to {row.until} has changed: "
        + ("its last entry is another one" if row.cut else "its balances are not those closed")
        for row in rows
    )
