"""Reads why an invoice's positions are what they are: its facts, and the DEB rows that name it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reconciliation.domain.explaining import told_decision
from services.reconciliation.domain.rules import ACQUITTAL_LEFT, ROW_LEFT, ROW_REOPENED
from services.reconciliation.views.deb_files import ROW
from shared.kernel.ids import derived_id

# The person: who had it acquitted, decided the row, undid its file, or had its file booked.
_HISTORY = text(
    """
    SELECT f.*, e.number AS journal_number, e.entry_date, d.file_id, d.portal_file_id, d.fetched_at,
      r.record_id, o.order_number, o.evidence_kind, o.evidence_reference, o.evidence_observed_at,
      p.decision AS person_decision, p.decided_by AS person, p.decided_at AS person_at,
      p.reason AS person_reason
    FROM position_fact f
    LEFT JOIN journal_entry e ON e.entry_id = f.entry_id
    LEFT JOIN order_confirmation o ON o.order_id = f.order_id
    LEFT JOIN deb_file d ON d.deb_file_id = f.deb_file_id
    LEFT JOIN deb_row r ON r.deb_file_id = f.deb_file_id AND r.line = f.deb_line
    LEFT JOIN LATERAL (
      SELECT 1 AS rank, 'acquit' AS decision, a.decided_by, a.decided_at, NULL AS reason
      FROM acquittal a WHERE a.entry_id = f.entry_id AND a.decided_by IS NOT NULL
      UNION ALL
      SELECT 1, u.decision, u.decided_by, u.decided_at, u.reason
      FROM deb_file_decision u JOIN deb_undo_row w ON w.undo_id = u.decision_id
      WHERE f.kind = 'undo' AND u.deb_file_id = f.deb_file_id AND u.decision = 'undo'
        AND w.line = f.deb_line AND w.fact_id = f.fact_id
      UNION ALL
      SELECT 1, w.decision, w.decided_by, w.decided_at, w.reason
      FROM row_decision w
      WHERE f.kind <> 'undo' AND w.deb_file_id = f.deb_file_id AND w.line = f.deb_line
        AND w.decision = 'book-on-invoice'
      UNION ALL
      (SELECT 2, b.decision, b.decided_by, b.decided_at, nullif(b.reason, '')
       FROM deb_file_decision b
       WHERE f.kind <> 'undo' AND b.deb_file_id = f.deb_file_id AND b.decision = 'book'
       ORDER BY b.place DESC LIMIT 1)
      ORDER BY rank LIMIT 1) AS p ON true
    WHERE f.practice_id = :practice_id AND f.invoice_id = :invoice_id AND f.place > :after
    ORDER BY f.place LIMIT :limit
    """
)
_LEFT_LINES = text(
    """
    SELECT x.exception_id, d.decision AS person_decision, d.decided_by AS person,
      d.decided_at AS person_at, d.reason AS person_reason
    FROM acquittal_exception x
    JOIN acquittal_exception_decision d ON d.exception_id = x.exception_id
    WHERE x.practice_id = :practice_id AND x.invoice_id = :invoice_id
      AND x.order_id = ANY(CAST(:order_ids AS uuid[])) AND d.decision = 'leave'
    """
)
_TOLD_ROWS = text(
    """
    SELECT d.row_id, d.number, d.decision AS person_decision, d.decided_by AS person,
      d.decided_at AS person_at, d.reason AS person_reason
    FROM unnest(CAST(:files AS uuid[]), CAST(:lines AS integer[])) AS told (deb_file_id, line)
    JOIN row_decision d ON d.deb_file_id = told.deb_file_id AND d.line = told.line
    WHERE d.practice_id = :practice_id AND d.decision IN ('leave', 'reopen')
    """
)
# Rows by the facts that they led to; those that wait or were withdrawn, by what they name; and the
# repeats of all these. Each way on its own index: with OR between them, the whole table is read.
NAMING_ROWS = f"""{ROW} AND (r.deb_file_id, r.line) IN (
  WITH told AS (
    SELECT f.deb_file_id, f.deb_line AS line FROM position_fact f
    WHERE f.invoice_id = :invoice_id AND f.deb_file_id IS NOT NULL
    UNION
    SELECT w.deb_file_id, w.line FROM deb_row w
    WHERE w.practice_id = :practice_id AND w.status = 'parked' AND w.invoice_id = :invoice_id
    UNION
    SELECT w.deb_file_id, w.line FROM deb_row w
    WHERE w.practice_id = :practice_id AND w.status = 'parked'
      AND w.invoice_number = ANY(CAST(:numbers AS text[]))
    UNION
    SELECT w.deb_file_id, w.line FROM deb_row w
    WHERE w.practice_id = :practice_id AND w.status = 'staged'
      AND w.invoice_number = ANY(CAST(:numbers AS text[]))
    UNION
    SELECT w.deb_file_id, w.line FROM deb_row w
    WHERE w.practice_id = :practice_id AND w.status = 'undone'
      AND w.invoice_number = ANY(CAST(:numbers AS text[])))
  SELECT deb_file_id, line FROM told
  UNION
  SELECT again.deb_file_id, again.line FROM told JOIN deb_row again
    ON again.repeat_of_file = told.deb_file_id AND again.repeat_of_line = told.line)
"""  # noqa: S608 - a constant of ours
_NAMING_PAGE = text(
    f"""{NAMING_ROWS}
      AND (f.arrival, r.line) > (:after_file, CAST(:after_line AS bigint))
    ORDER BY f.arrival, r.line LIMIT :limit
    """
)


async def history(
    connection: AsyncConnection, practice_id: UUID, invoice_id: UUID, *, after: int, limit: int
) -> list[dict[str, Any]]:
    """Return the facts of an invoice behind the place `after`, in the order of their booking."""
    invoice = {"practice_id": practice_id, "invoice_id": invoice_id}
    result = await connection.execute(_HISTORY, invoice | {"after": after, "limit": limit})
    facts = [dict(fact) for fact in result.mappings()]
    told = await _left_lines(connection, invoice, facts) | await _told_rows(
        connection, invoice, facts
    )
    return [fact | told.get(fact["fact_id"], {}) for fact in facts]


async def _left_lines(
    connection: AsyncConnection, invoice: dict[str, UUID], facts: Sequence[dict[str, Any]]
) -> dict[UUID, dict[str, Any]]:
    """Return who left a line of an acquittal, by the fact that tells of it."""
    orders = [fact["order_id"] for fact in facts if fact["kind"] == ACQUITTAL_LEFT]
    if not orders:
        return {}
    lines = await connection.execute(_LEFT_LINES, {**invoice, "order_ids": orders})
    return {
        derived_id(ACQUITTAL_LEFT, line["exception_id"]): dict(line) for line in lines.mappings()
    }


async def _told_rows(
    connection: AsyncConnection, invoice: dict[str, UUID], facts: Sequence[dict[str, Any]]
) -> dict[UUID, dict[str, Any]]:
    """Return who left a row or put it back, by the fact that tells of it."""
    told = {
        (fact["deb_file_id"], fact["deb_line"])
        for fact in facts
        if fact["kind"] in (ROW_LEFT, ROW_REOPENED)
    }
    if not told:
        return {}
    places = {"files": [file for file, _ in told], "lines": [line for _, line in told]}
    rows = await connection.execute(_TOLD_ROWS, {"practice_id": invoice["practice_id"], **places})
    return {
        told_decision(
            ROW_LEFT if row["person_decision"] == "leave" else ROW_REOPENED,
            row["row_id"],
            before=row["number"] - 1,
        ): dict(row)
        for row in rows.mappings()
    }


async def naming_rows(
    connection: AsyncConnection,
    practice_id: UUID,
    invoice_id: UUID,
    *,
    numbers: Sequence[str],
    after: tuple[int, int],
    limit: int,
) -> Sequence[RowMapping]:
    """Return the DEB rows of whatever status that name an invoice, behind (arrival, line).

    Args:
        numbers: by which the invoice is known.
    """
    result = await connection.execute(
        _NAMING_PAGE,
        {
            "practice_id": practice_id,
            "invoice_id": invoice_id,
            "numbers": list(numbers),
            "after_file": after[0],
            "after_line": after[1],
            "limit": limit,
        },
    )
    return result.mappings().all()
