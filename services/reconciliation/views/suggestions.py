"""Finds the invoices of a practice that a parked row may mean."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reconciliation.adapters.books import POSITION_COLUMNS, POSITION_TABLES, position_of
from services.reconciliation.adapters.deb_rows import row_of
from services.reconciliation.domain.suggesting import Suggestion, similar_numbers, suggestions

_EACH_MAX = 200
_ROW = text("SELECT * FROM deb_row WHERE practice_id = :practice_id AND row_id = :row_id")
_OPEN = "p.principal_rappen + p.reminder_fees_rappen + p.interest_rappen + p.costs_rappen"
_CANDIDATES = text(
    f"""
    SELECT {POSITION_COLUMNS} FROM {POSITION_TABLES}
    WHERE p.invoice_id IN (
      (SELECT invoice_id FROM invoice_position WHERE practice_id = :practice_id
         AND invoice_number = ANY(CAST(:numbers AS text[])) LIMIT :most)
      UNION
      (SELECT invoice_id FROM invoice_position WHERE practice_id = :practice_id
         AND debtor_number = :debtor_number ORDER BY issued_on DESC LIMIT :most)
      UNION
      (SELECT p.invoice_id FROM invoice_position p WHERE p.practice_id = :practice_id
         AND CAST(:rappen AS bigint) <> 0
         AND CAST(:rappen AS bigint) IN ({_OPEN}, p.principal_rappen, p.factor_owes_rappen)
         ORDER BY p.issued_on DESC LIMIT :most))
    """  # noqa: S608 - constants of ours
)


async def suggestions_for(
    connection: AsyncConnection, practice_id: UUID, row_id: UUID
) -> Sequence[Suggestion] | None:
    """Return the invoices that the row may mean, best first; None if there is no such row."""
    found = await connection.execute(_ROW, {"practice_id": practice_id, "row_id": row_id})
    stored = found.mappings().one_or_none()
    if stored is None:
        return None
    row = row_of(stored)
    number = row.invoice_number
    result = await connection.execute(
        _CANDIDATES,
        {
            "practice_id": practice_id,
            "numbers": [number, *similar_numbers(number)] if number else [],
            "debtor_number": row.debtor_number,
            "rappen": row.amount.rappen if row.amount else 0,
            "most": _EACH_MAX,
        },
    )
    return suggestions(row, [position_of(one) for one in result.mappings()])
