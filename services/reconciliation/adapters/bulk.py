"""Writes many rows in one statement: arrays in, one set-based INSERT, in the order given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

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
    columns = {column.name: [row[column.name] for row in rows] for column in table.columns}
    # What all rows have in common (practice, order, label, ...) goes over once, not in an array.
    common = {name: values[0] for name, values in columns.items() if _all_equal(values)}
    if len(common) == len(columns):
        common.pop(next(iter(columns)))
    statement = _statement(table, frozenset(common), on_conflict)
    result = await connection.execute(statement, columns | common)
    return result.rowcount


def _all_equal(values: Sequence[object]) -> bool:
    return values.count(values[0]) == len(values)


@lru_cache(maxsize=256)
def _statement(table: Table, common: frozenset[str], on_conflict: str) -> TextClause:
    types = {column.name: column.type.compile(dialect=_DIALECT) for column in table.columns}
    names = ", ".join(types)
    given = [name for name in types if name not in common]
    arrays = ", ".join(f"CAST(:{name} AS {types[name]}[])" for name in given)
    values = ", ".join(
        f"CAST(:{name} AS {types[name]})" if name in common else f"given.{name}" for name in types
    )
    return text(
        f"INSERT INTO {table.name} ({names}) SELECT {values}"  # noqa: S608 - names are our own
        f" FROM unnest({arrays}) WITH ORDINALITY AS given ({', '.join(given)}, ordinal_of_row)"
        f" ORDER BY ordinal_of_row {on_conflict}"
    )
