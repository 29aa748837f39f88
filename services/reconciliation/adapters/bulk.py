"""Writes many rows in one statement: arrays in, set-based INSERTs, in the order given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from sqlalchemy import BigInteger, Integer, SmallInteger, Table, Text, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.elements import TextClause

_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]
_PACKABLE = (Text, Integer, BigInteger, SmallInteger)
_BETWEEN, _NULL = "\x1f", "\x1e"


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
    given = _given(table, rows, place=0)
    result = await connection.execute(_statement((given.form,), on_conflict), given.values)
    return result.rowcount


async def insert_together(
    connection: AsyncConnection, rows: Sequence[tuple[Table, Sequence[Mapping[str, object]]]]
) -> None:
    """Insert rows of several tables that refer to one another, in one statement.

    What a table's triggers ask of the others they find, in whatever order the tables are given.
    """
    filled = [(table, of_it) for table, of_it in rows if of_it]
    given = [_given(table, of_it, place=place) for place, (table, of_it) in enumerate(filled)]
    if given:
        values = {name: value for one in given for name, value in one.values.items()}
        await connection.execute(_statement(tuple(one.form for one in given), ""), values)


@dataclass(frozen=True, slots=True)
class _Form:
    """How the columns of a table go over: what all rows have in common once, the rest as arrays.

    Attributes:
        packed: of the arrays, those that go over as one text, which costs a fraction of an array.
    """

    table: Table
    place: int
    common: frozenset[str]
    packed: frozenset[str]

    @property
    def sql(self) -> str:
        types = {
            column.name: column.type.compile(dialect=_DIALECT) for column in self.table.columns
        }
        given = [name for name in types if name not in self.common]
        arrays = ", ".join(self._array(name, types[name]) for name in given)
        values = ", ".join(
            f"CAST(:{name}_{self.place} AS {types[name]})"
            if name in self.common
            else f"given.{name}"
            for name in types
        )
        return (
            f"INSERT INTO {self.table.name} ({', '.join(types)})"  # noqa: S608 - names are our own
            f" SELECT {values} FROM unnest({arrays})"
            f" WITH ORDINALITY AS given ({', '.join(given)}, ordinal_of_row)"
            f" ORDER BY ordinal_of_row"
        )

    def _array(self, name: str, kind: str) -> str:
        if name not in self.packed:
            return f"CAST(:{name}_{self.place} AS {kind}[])"
        text_of_it = f"CAST(:{name}_{self.place} AS text)"
        return f"CAST(string_to_array({text_of_it}, chr(31), chr(30)) AS {kind}[])"


@dataclass(frozen=True, slots=True)
class _Given:
    form: _Form
    values: Mapping[str, object]


def _given(table: Table, rows: Sequence[Mapping[str, object]], *, place: int) -> _Given:
    common: set[str] = set()
    packed: set[str] = set()
    values: dict[str, object] = {}
    for column in table.columns:
        name, of_rows = column.name, [row[column.name] for row in rows]
        values[name] = of_rows
        if of_rows.count(of_rows[0]) == len(of_rows):
            common.add(name)
            values[name] = of_rows[0]
        elif isinstance(column.type, _PACKABLE) and (text_of_it := _packed(of_rows)) is not None:
            packed.add(name)
            values[name] = text_of_it
    if len(common) == len(values):
        name = common.pop()
        values[name] = [values[name]] * len(rows)
    form = _Form(table, place, frozenset(common), frozenset(packed))
    return _Given(form, {f"{name}_{place}": value for name, value in values.items()})


def _packed(values: Sequence[object]) -> str | None:
    """Join texts or numbers for `string_to_array`; None if a text holds one of the two marks."""
    joined = _BETWEEN.join([_NULL if value is None else str(value) for value in values])
    marks = joined.count(_BETWEEN), joined.count(_NULL)
    return joined if marks == (len(values) - 1, values.count(None)) else None


@lru_cache(maxsize=256)
def _statement(forms: tuple[_Form, ...], on_conflict: str) -> TextClause:
    first = ", ".join(f"given_{form.place} AS ({form.sql})" for form in forms[:-1])
    return text(f"{f'WITH {first} ' if first else ''}{forms[-1].sql} {on_conflict}")
