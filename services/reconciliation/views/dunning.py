"""Reads the invoices that the practice itself may remind."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

# An accepted invoice that is not acquitted yet is with the factor already, only not in the books.
_OWN = """
    WITH waiting AS (
      SELECT r.invoice_id, r.invoice_number FROM deb_row r
      WHERE r.practice_id = :practice_id AND r.status IN ('parked', 'staged')
        AND NOT EXISTS (SELECT FROM standing_row_decision d WHERE d.row_id = r.row_id)),
    own AS (
      SELECT p.*, p.principal_rappen + p.reminder_fees_rappen + p.interest_rappen
          + p.costs_rappen AS owed_rappen,
        EXISTS (SELECT FROM acquittal g WHERE g.invoice_id = p.invoice_id) AS given_back
      FROM invoice_position p
      WHERE p.practice_id = :practice_id AND p.due_on < :today
        AND p.principal_rappen + p.reminder_fees_rappen + p.interest_rappen + p.costs_rappen > 0
        AND NOT EXISTS (SELECT FROM acquittal a WHERE a.invoice_id = p.invoice_id AND a.live)
        AND NOT EXISTS (
          SELECT FROM order_line l
          WHERE l.invoice_id = p.invoice_id
            AND NOT EXISTS (SELECT FROM order_confirmation c WHERE c.order_id = l.order_id)
            AND NOT EXISTS (SELECT FROM order_end e WHERE e.order_id = l.order_id))
        AND NOT EXISTS (
          SELECT FROM confirmation_line l JOIN order_confirmation c ON c.order_id = l.order_id
          WHERE l.invoice_id = p.invoice_id AND l.accepted AND c.acquitted_on IS NULL)
        AND NOT EXISTS (SELECT FROM waiting w WHERE w.invoice_id = p.invoice_id)
        AND NOT EXISTS (SELECT FROM waiting w WHERE w.invoice_number = p.invoice_number))
"""
PRACTICES = """
    SELECT practice_id FROM practice
    WHERE (CAST(:practice_ids AS uuid[]) IS NULL OR practice_id = ANY (:practice_ids))
      AND (CAST(:contract_ids AS uuid[]) IS NULL OR practice_id IN (
        SELECT k.practice_id FROM contract k WHERE k.contract_id = ANY (:contract_ids)))
"""
OWN_INVOICES = f"{_OWN} SELECT * FROM own"  # noqa: S608 - constants of ours
_PAGE = text(
    f"""{OWN_INVOICES}
    WHERE (due_on, invoice_number) > (CAST(:after_day AS date), :after_number)
    ORDER BY due_on, invoice_number LIMIT :limit
    """
)


async def own_invoices(
    connection: AsyncConnection,
    practice_id: UUID,
    *,
    today: date,
    after: tuple[date, str],
    limit: int,
) -> Sequence[RowMapping]:
    """Return past-due invoices behind a due day and number, the longest overdue first."""
    result = await connection.execute(
        _PAGE,
        {
            "practice_id": practice_id,
            "today": today,
            "after_day": after[0],
            "after_number": after[1],
            "limit": limit,
        },
    )
    return result.mappings().all()
