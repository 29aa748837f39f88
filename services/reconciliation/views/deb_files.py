"""Reads DEB files, their rows, and the queue of parked rows."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

_FILE = """
    SELECT f.*, c.factor, c.account_number,
      CASE WHEN f.status IN ('staged', 'undoing') AND f.went_on_at IS NULL THEN f.set_aside_at END
        AS set_aside_since,
      (SELECT count(*) FROM deb_file_delivery d WHERE d.deb_file_id = f.deb_file_id) AS deliveries
    FROM deb_file f JOIN contract c ON c.contract_id = f.contract_id
    WHERE f.practice_id = :practice_id
"""
FILES = f"{_FILE} AND (CAST(:statuses AS text[]) IS NULL OR f.status = ANY (:statuses))"
_FILES_PAGE = text(
    f"""{FILES}
      AND (CAST(:after AS bigint) IS NULL OR f.arrival < :after)
    ORDER BY f.arrival DESC LIMIT :limit
    """
)
_ONE_FILE = text(f"{_FILE} AND f.deb_file_id = :deb_file_id")
ROW = """
    SELECT r.*, f.file_id, f.arrival, f.portal_file_id, e.number AS journal_number,
      d.decision, d.invoice_id AS decision_invoice_id, d.reason AS decision_reason,
      d.parked_because, d.decided_by, d.decided_at AS person_decided_at
    FROM deb_row r
    JOIN deb_file f ON f.deb_file_id = r.deb_file_id
    LEFT JOIN position_fact p ON p.fact_id = r.fact_id
    LEFT JOIN journal_entry e ON e.entry_id = p.entry_id
    LEFT JOIN standing_row_decision d ON d.row_id = r.row_id
    WHERE r.practice_id = :practice_id
"""
ROWS = f"""{ROW} AND r.deb_file_id = :deb_file_id
      AND (CAST(:statuses AS text[]) IS NULL OR r.status = ANY (:statuses))
"""
_ROWS_PAGE = text(f"{ROWS} AND r.line > CAST(:after AS bigint) ORDER BY r.line LIMIT :limit")
PARKED = f"""{ROW} AND r.status = 'parked' AND d.row_id IS NULL
      AND (CAST(:reasons AS text[]) IS NULL OR r.reason_code = ANY (:reasons))
"""
_PARKED_PAGE = text(
    f"""{PARKED}
      AND (f.arrival, r.line) > (:after_file, CAST(:after_line AS bigint))
    ORDER BY f.arrival, r.line LIMIT :limit
    """
)
_ONE_ROW = text(f"{ROW} AND r.row_id = :row_id")


async def files(
    connection: AsyncConnection,
    practice_id: UUID,
    *,
    statuses: list[str] | None,
    after: int | None,
    limit: int,
) -> Sequence[RowMapping]:
    """Return DEB files, newest first, behind the arrival number `after`."""
    result = await connection.execute(
        _FILES_PAGE,
        {"practice_id": practice_id, "statuses": statuses, "after": after, "limit": limit},
    )
    return result.mappings().all()


async def file(
    connection: AsyncConnection, practice_id: UUID, deb_file_id: UUID
) -> RowMapping | None:
    """Return one DEB file, or None."""
    result = await connection.execute(
        _ONE_FILE, {"practice_id": practice_id, "deb_file_id": deb_file_id}
    )
    return result.mappings().one_or_none()


async def rows(
    connection: AsyncConnection,
    practice_id: UUID,
    deb_file_id: UUID,
    *,
    statuses: list[str] | None,
    after: int,
    limit: int,
) -> Sequence[RowMapping]:
    """Return a file's rows behind line `after`."""
    result = await connection.execute(
        _ROWS_PAGE,
        {
            "practice_id": practice_id,
            "deb_file_id": deb_file_id,
            "statuses": statuses,
            "after": after,
            "limit": limit,
        },
    )
    return result.mappings().all()


async def row(connection: AsyncConnection, practice_id: UUID, row_id: UUID) -> RowMapping | None:
    """Return a row that is or was parked, or None."""
    result = await connection.execute(_ONE_ROW, {"practice_id": practice_id, "row_id": row_id})
    return result.mappings().one_or_none()


async def parked_rows(
    connection: AsyncConnection,
    practice_id: UUID,
    *,
    reasons: list[str] | None,
    after: tuple[int, int],
    limit: int,
) -> Sequence[RowMapping]:
    """Return undecided parked rows of all files, oldest first, behind (arrival number, line)."""
    result = await connection.execute(
        _PARKED_PAGE,
        {
            "practice_id": practice_id,
            "reasons": reasons,
            "after_file": after[0],
            "after_line": after[1],
            "limit": limit,
        },
    )
    return result.mappings().all()
