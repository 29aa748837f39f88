"""What the API shows of conflicts between imported files and known invoices."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

CONFLICTS = """
    SELECT c.*, i.state AS invoice_state,
      (SELECT jsonb_agg(to_jsonb(n) ORDER BY n.patient_number COLLATE "C")
       FROM (SELECT patient_id, patient_number, family_name, given_name FROM patient
             WHERE practice_id = c.practice_id AND patient_id = ANY (m.namesake_ids)) AS n
      ) AS namesakes,
      EXISTS (SELECT FROM cancellation_wish w
              WHERE w.practice_id = c.practice_id AND w.conflict_id = c.conflict_id
                AND w.state = 'pending') AS replacement_pending
    FROM import_conflict c
    JOIN invoice i ON i.practice_id = c.practice_id AND i.invoice_id = c.invoice_id
    LEFT JOIN imported_invoice m
      ON m.practice_id = c.practice_id AND m.invoice_id = c.replacement_id
    WHERE c.practice_id = :practice_id
      AND (CAST(:conflict_id AS uuid) IS NULL OR c.conflict_id = :conflict_id)
      AND (CAST(:decided AS boolean) IS NULL OR (c.decision IS NOT NULL) = :decided)
"""
_CONFLICTS_PAGE = text(
    f"""{CONFLICTS}
      AND (CAST(:after_at AS timestamptz) IS NULL
        OR (c.found_at, c.conflict_id) > (:after_at, CAST(:after_id AS uuid)))
    ORDER BY c.found_at, c.conflict_id LIMIT :limit
    """
)


async def conflicts(
    connection: AsyncConnection,
    practice_id: UUID,
    *,
    limit: int,
    conflict_id: UUID | None = None,
    decided: bool | None = None,
    after: tuple[datetime, UUID] | None = None,
) -> Sequence[RowMapping]:
    """Return conflicts, oldest first."""
    at, last_id = after or (None, None)
    found = await connection.execute(
        _CONFLICTS_PAGE,
        {
            "practice_id": practice_id,
            "conflict_id": conflict_id,
            "decided": decided,
            "after_at": at,
            "after_id": last_id,
            "limit": limit,
        },
    )
    return found.mappings().all()
