"""Reads what persons decided about DEB files, what undoing led to, and why a row is what it is."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

_STANDING = text(
    """
    SELECT status, review, reason_code, is_replaced, undo_id FROM deb_file
    WHERE practice_id = :practice_id AND deb_file_id = :deb_file_id FOR UPDATE
    """
)
_DECISIONS = text(
    """
    SELECT decision, reason, decided_by, decided_at FROM deb_file_decision
    WHERE practice_id = :practice_id AND deb_file_id = :deb_file_id ORDER BY place
    """
)
_UNDO = text(
    """
    SELECT f.deb_file_id, f.status, f.rows_read, f.booked, f.repeats, f.parked, f.undone,
      f.undo_id, d.decided_by, d.decided_at, d.reason, sums.*
    FROM deb_file f JOIN deb_file_decision d ON d.decision_id = f.undo_id
    JOIN LATERAL (
      SELECT count(*) FILTER (WHERE u.outcome = 'undone') AS undone_now,
        count(*) FILTER (WHERE u.outcome = 'kept') AS kept,
        count(*) FILTER (WHERE u.outcome = 'withdrawn') AS withdrawn,
        coalesce(sum(p.principal_rappen + p.reminder_fees_rappen + p.interest_rappen
          + p.costs_rappen), 0)::bigint AS debtor_rappen,
        coalesce(sum(p.factor_owes_rappen), 0)::bigint AS factor_rappen
      FROM deb_undo_row u LEFT JOIN position_fact p ON p.fact_id = u.fact_id
      WHERE u.undo_id = f.undo_id) AS sums ON true
    WHERE f.practice_id = :practice_id AND f.deb_file_id = :deb_file_id
    """
)
UNDO_ROWS = """
    SELECT u.line, u.outcome, u.reason_code, u.reason_detail, r.record_id, r.kind,
      r.invoice_number, r.amount_rappen, e.entry_id, e.number AS journal_number,
      again.deb_file_id AS repeated_in_file, again.line AS repeated_in_line
    FROM deb_undo_row u
    JOIN deb_row r ON r.deb_file_id = u.deb_file_id AND r.line = u.line
    LEFT JOIN position_fact p ON p.fact_id = u.fact_id
    LEFT JOIN journal_entry e ON e.entry_id = p.entry_id
    LEFT JOIN LATERAL (
      SELECT a.deb_file_id, a.line FROM deb_row a
      WHERE a.repeat_of_file = u.deb_file_id AND a.repeat_of_line = u.line
      ORDER BY a.decided_at, a.line LIMIT 1) AS again ON true
    WHERE u.undo_id = :undo_id
      AND (CAST(:outcomes AS text[]) IS NULL OR u.outcome = ANY (:outcomes))
"""
_UNDO_ROWS_PAGE = text(
    f"{UNDO_ROWS} AND u.line > CAST(:after AS bigint) ORDER BY u.line LIMIT :limit"
)
_COLLIDING = text(
    """
    SELECT c.deb_file_id, f.file_id, f.portal_file_id, c.line, c.raw, c.status
    FROM deb_row r
    JOIN deb_row c ON c.practice_id = r.practice_id AND CASE r.status
      WHEN 'repeat' THEN c.deb_file_id = r.repeat_of_file AND c.line = r.repeat_of_line
      ELSE c.contract_id = r.contract_id AND c.record_id = r.record_id AND c.status = 'booked' END
    JOIN deb_file f ON f.deb_file_id = c.deb_file_id
    WHERE r.practice_id = :practice_id AND r.deb_file_id = :deb_file_id AND r.line = :line
      AND (r.status = 'repeat' OR r.reason_code = 'conflicting-record')
    LIMIT 1
    """
)
_FACTS = text(
    """
    SELECT p.fact_id, p.kind, p.fact_date, p.note, p.principal_rappen, p.reminder_fees_rappen,
      p.interest_rappen, p.costs_rappen, p.factor_owes_rappen, e.entry_id, e.number,
      e.entry_date
    FROM position_fact p LEFT JOIN journal_entry e ON e.entry_id = p.entry_id
    WHERE p.practice_id = :practice_id AND p.deb_file_id = :deb_file_id AND p.deb_line = :line
    ORDER BY p.place
    """
)
_UNDOINGS = text(
    """
    SELECT u.outcome, u.reason_code, u.reason_detail, d.reason, d.decided_by, d.decided_at
    FROM deb_undo_row u JOIN deb_file_decision d ON d.decision_id = u.undo_id
    WHERE u.practice_id = :practice_id AND u.deb_file_id = :deb_file_id AND u.line = :line
    ORDER BY d.place
    """
)


async def wait_patiently(connection: AsyncConnection) -> None:
    """Keep the transaction open for as long as other work of its request takes."""
    await connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))


async def decisions(
    connection: AsyncConnection, practice_id: UUID, deb_file_id: UUID
) -> Sequence[RowMapping]:
    """Return what persons decided about a file, oldest first."""
    result = await connection.execute(
        _DECISIONS, {"practice_id": practice_id, "deb_file_id": deb_file_id}
    )
    return result.mappings().all()


async def undoing(
    connection: AsyncConnection, practice_id: UUID, deb_file_id: UUID
) -> RowMapping | None:
    """Return the latest undoing of a file in sums, or None if nobody asked for one."""
    result = await connection.execute(
        _UNDO, {"practice_id": practice_id, "deb_file_id": deb_file_id}
    )
    return result.mappings().one_or_none()


async def undo_rows(
    connection: AsyncConnection,
    undo_id: UUID,
    *,
    outcomes: list[str] | None,
    after: int,
    limit: int,
) -> Sequence[RowMapping]:
    """Return what an undoing did to each row, behind line `after`."""
    result = await connection.execute(
        _UNDO_ROWS_PAGE, {"undo_id": undo_id, "outcomes": outcomes, "after": after, "limit": limit}
    )
    return result.mappings().all()


async def colliding_row(
    connection: AsyncConnection, practice_id: UUID, deb_file_id: UUID, line: int
) -> RowMapping | None:
    """Return the earlier row that a row repeats or contradicts, or None."""
    result = await connection.execute(_COLLIDING, _place(practice_id, deb_file_id, line))
    return result.mappings().one_or_none()


async def facts_of_row(
    connection: AsyncConnection, practice_id: UUID, deb_file_id: UUID, line: int
) -> Sequence[RowMapping]:
    """Return all facts of a row: its booking, its undoing, what a person left."""
    result = await connection.execute(_FACTS, _place(practice_id, deb_file_id, line))
    return result.mappings().all()


async def undoings_of_row(
    connection: AsyncConnection, practice_id: UUID, deb_file_id: UUID, line: int
) -> Sequence[RowMapping]:
    """Return what each undoing of the file did to a row."""
    result = await connection.execute(_UNDOINGS, _place(practice_id, deb_file_id, line))
    return result.mappings().all()


def _place(practice_id: UUID, deb_file_id: UUID, line: int) -> dict[str, object]:
    return {"practice_id": practice_id, "deb_file_id": deb_file_id, "line": line}


async def standing(
    connection: AsyncConnection, practice_id: UUID, deb_file_id: UUID
) -> dict[str, object]:
    """Return how a file stands, for a decision: others wait until the transaction ends.

    Nothing, if the practice has no such file.
    """
    wanted = {"practice_id": practice_id, "deb_file_id": deb_file_id}
    row = (await connection.execute(_STANDING, wanted)).mappings().one_or_none()
    return {} if row is None else dict(row)
