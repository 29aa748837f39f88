"""Reads the lines that an acquittal set aside."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

_EXCEPTION = """
    SELECT e.*, o.order_number, o.contract_id, p.invoice_number,
      (p.principal_rappen + p.reminder_fees_rappen + p.interest_rappen + p.costs_rappen)
        AS open_now_rappen,
      d.decision, d.reason AS decision_reason, d.decided_by, d.decided_at
    FROM acquittal_exception e
    JOIN order_confirmation o ON o.order_id = e.order_id
    JOIN invoice_position p ON p.invoice_id = e.invoice_id
    LEFT JOIN acquittal_exception_decision d ON d.exception_id = e.exception_id
    WHERE e.practice_id = :practice_id
"""
EXCEPTIONS = f"""{_EXCEPTION}
      AND (CAST(:order_id AS uuid) IS NULL OR e.order_id = :order_id)
      AND (CAST(:settled AS boolean) IS NULL OR (d.exception_id IS NOT NULL) = :settled)
"""
_EXCEPTIONS_PAGE = text(
    f"{EXCEPTIONS} AND e.place > CAST(:after AS bigint) ORDER BY e.place LIMIT :limit"
)
_ONE = text(f"{_EXCEPTION} AND e.exception_id = :exception_id")


async def exceptions(
    connection: AsyncConnection,
    practice_id: UUID,
    *,
    order_id: UUID | None,
    settled: bool | None,
    after: int,
    limit: int,
) -> Sequence[RowMapping]:
    """Return lines that were set aside, oldest first, behind the place `after`."""
    result = await connection.execute(
        _EXCEPTIONS_PAGE,
        {
            "practice_id": practice_id,
            "order_id": order_id,
            "settled": settled,
            "after": after,
            "limit": limit,
        },
    )
    return result.mappings().all()


async def exception(
    connection: AsyncConnection, practice_id: UUID, exception_id: UUID
) -> RowMapping:
    """Return a line that is known to have been set aside."""
    result = await connection.execute(
        _ONE, {"practice_id": practice_id, "exception_id": exception_id}
    )
    return result.mappings().one()
