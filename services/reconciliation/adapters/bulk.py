"""Writes many rows in one statement: arrays in, one set-based INSERT, in the order given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

from sqlalchemy import Table, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.elements import TextClause

_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]


async def insert(
    connection: AsyncConnection,
    table: Table,
    rows: Sequence[Mapping[str, object]],
    *,
    on_conflict: str = "",
) -> int:
    """Insert rows and return how many were new.

    Args:
        rows: by column name, each with every column of `table`.
        on_conflict: an ON CONFLICT clause, or nothing.
    """
    if not rows:
        return 0
    arrays = {column.name: [row[column.name] for row in rows] for column in table.columns}
    result = await connection.execute(_statement(table, on_conflict), arrays)
    return result.rowcount


@cache
def _statement(table: Table, on_conflict: str) -> TextClause:
    names = ", ".join(column.name for column in table.columns)
    arrays = ", ".join(
        f"CAST(:{column.name} AS {column.type.compile(dialect=_DIALECT)}[])"
        for column in table.columns
    )
    return text(
        f"INSERT INTO {table.name} ({names}) SELECT {names}"  # noqa: S608 - names are our own
        f" FROM unnest({arrays}) WITH ORDINALITY AS given ({names}, ordinal_of_row)"
        f" ORDER BY ordinal_of_row {on_conflict}"
    )
