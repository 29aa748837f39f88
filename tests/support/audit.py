"""Reads what the audit log tells of the changes of a practice."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import text

from shared.db.engine import Database
from shared.db.scope import Scope

_TOLD = text(
    """
    SELECT operation_id, fields_before, fields_after, remote_address FROM audit_log
    WHERE status < 400 AND practice_id IS NOT DISTINCT FROM CAST(:practice_id AS uuid)
      AND operation_id = ANY (CAST(:operations AS text[])) ORDER BY id
    """
)
Told = tuple[str, dict[str, Any], dict[str, Any]]


async def told(database: Database, practice_id: UUID | str | None, *operations: str) -> list[Told]:
    """Return operation, before and after of each change, in the order in which they were made."""
    values = {
        "practice_id": None if practice_id is None else str(practice_id),
        "operations": list(operations),
    }
    async with database.transaction(Scope.everything()) as connection:
        rows = (await connection.execute(_TOLD, values)).all()
    assert {row.remote_address for row in rows} <= {"127.0.0.1"}, "from where is told with each"
    return [(row.operation_id, row.fields_before, row.fields_after) for row in rows]
