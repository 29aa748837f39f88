"""Adds many rows by one statement: a statement per row is most of what an import waits for."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from sqlalchemy import Table, text
from sqlalchemy.ext.asyncio import AsyncConnection


async def insert_rows(
    connection: AsyncConnection,
    table: Table,
    rows: Sequence[Mapping[str, object]],
    *,
    on_conflict: str = "",
) -> None:
    """Insert rows that all have the same columns, in their order; none at all is fine.

    Args:
        on_conflict: the clause, a constant of the caller's.
    """
    if not rows:
        return
    names = ", ".join(rows[0])
    statement = text(
        f"INSERT INTO {table.name} ({names})"  # noqa: S608 - names of the caller's own columns
        f" SELECT {names} FROM jsonb_populate_recordset(NULL::{table.name}, CAST(:rows AS jsonb))"
        f" {on_conflict}".replace("::", "\\:\\:")
    )
    # Dates, ids and decimals go as text, which PostgreSQL reads back exactly.
    await connection.execute(statement, {"rows": json.dumps(rows, default=str)})
