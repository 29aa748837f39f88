"""Writes many rows in one statement: arrays in, set-based INSERTs, in the order given."""

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
    common, arrays = _parted(table, rows)
    statement = _statement(((table, frozenset(common)),), on_conflict)
    result = await connection.execute(statement, _named(0, common | arrays))
    return result.rowcount


async def insert_together(
    connection: AsyncConnection, given: Sequence[tuple[Table, Sequence[Mapping[str, object]]]]
) -> None:
    """Insert rows of several tables that refer to one another, in one statement.

    What a table's triggers ask of the others they find, in whatever order the tables are given.
    """
    parted = [(table, *_parted(table, rows)) for table, rows in given if rows]
    if parted:
        tables = tuple((table, frozenset(common)) for table, common, _ in parted)
        values: dict[str, object] = {}
        for place, (_, common, arrays) in enumerate(parted):
            values |= _named(place, common | arrays)
        await connection.execute(_statement(tables, ""), values)


def _parted(
    table: Table, rows: Sequence[Mapping[str, object]]
) -> tuple[dict[str, object], dict[str, object]]:
    """Part what all rows have in common (practice, order, label, ...), which goes over once."""
    common: dict[str, object] = {}
    arrays: dict[str, object] = {}
    for column in table.columns:
        values = [row[column.name] for row in rows]
        if values.count(values[0]) == len(values):
            common[column.name] = values[0]
        else:
            arrays[column.name] = values
    if not arrays:
        name = next(iter(common))
        arrays[name] = [common.pop(name)] * len(rows)
    return common, arrays


def _named(place: int, values: Mapping[str, object]) -> dict[str, object]:
    return {f"{name}_{place}": value for name, value in values.items()}


@lru_cache(maxsize=256)
def _statement(tables: tuple[tuple[Table, frozenset[str]], ...], on_conflict: str) -> TextClause:
    inserts = [_insert(place, *each) for place, each in enumerate(tables)]
    first = ", ".join(f"given_{place} AS ({sql})" for place, sql in enumerate(inserts[:-1]))
    return text(f"{f'WITH {first} ' if first else ''}{inserts[-1]} {on_conflict}")


def _insert(place: int, table: Table, common: frozenset[str]) -> str:
    types = {column.name: column.type.compile(dialect=_DIALECT) for column in table.columns}
    names = ", ".join(types)
    given = [name for name in types if name not in common]
    arrays = ", ".join(f"CAST(:{name}_{place} AS {types[name]}[])" for name in given)
    values = ", ".join(
        f"CAST(:{name}_{place} AS {types[name]})" if name in common else f"given.{name}"
        for name in types
    )
    return (
        f"INSERT INTO {table.name} ({names}) SELECT {values}"  # noqa: S608 - names are our own
        f" FROM unnest({arrays}) WITH ORDINALITY AS given ({', '.join(given)}, ordinal_of_row)"
        f" ORDER BY ordinal_of_row"
    )
