"""Reads what debtors and factor owed at the end of a past day, from the facts up to it.

A fact counts on the day of its journal entry, so that P adds up to the factor accounts of that day;
a fact without an entry counts on its own day.
"""

from __future__ import annotations

from datetime import date
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

_SUMS = """coalesce(sum(f.principal_rappen), 0)::bigint AS principal_rappen,
  coalesce(sum(f.reminder_fees_rappen), 0)::bigint AS reminder_fees_rappen,
  coalesce(sum(f.interest_rappen), 0)::bigint AS interest_rappen,
  coalesce(sum(f.costs_rappen), 0)::bigint AS costs_rappen,
  coalesce(sum(f.factor_owes_rappen), 0)::bigint AS factor_owes_rappen"""
_BY_THEN = """invoice_position p
  LEFT JOIN (position_fact f LEFT JOIN journal_entry e ON e.entry_id = f.entry_id)
    ON f.invoice_id = p.invoice_id AND coalesce(e.entry_date, f.fact_date) <= :on
  WHERE p.practice_id = :practice_id"""
_ONE = text(
    f"SELECT p.invoice_id, p.invoice_number, {_SUMS} FROM {_BY_THEN}"  # noqa: S608 - ours
    " AND p.invoice_id = :invoice_id GROUP BY p.invoice_id, p.invoice_number"
)
_ALL = text(
    "SELECT count(DISTINCT f.invoice_id) AS invoices,"  # noqa: S608 - constants of ours
    f" {_SUMS} FROM {_BY_THEN}"
)


async def position_at(
    connection: AsyncConnection, practice_id: UUID, invoice_id: UUID, *, on: date
) -> RowMapping | None:
    """Return D and P of an invoice at the end of a day; None if the practice has no such one."""
    result = await connection.execute(
        _ONE, {"practice_id": practice_id, "invoice_id": invoice_id, "on": on}
    )
    return result.mappings().one_or_none()


async def all_positions_at(
    connection: AsyncConnection, practice_id: UUID, *, on: date
) -> RowMapping:
    """Return the sums of D and P over a practice's invoices at the end of a day."""
    result = await connection.execute(_ALL, {"practice_id": practice_id, "on": on})
    return result.mappings().one()
