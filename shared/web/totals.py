"""Totals of a list: how many rows the whole selection has, and what their money adds up to.

The first page shows them, further pages do not repeat them. They are counted in one statement under
the filter of the page, up to a bound: beyond it the answer says `"exact": false` and gives no sums,
unless the caller asks for the whole selection, however long that takes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.kernel.money import Money
from shared.web.paging import PageQuery, Totals

COUNTED_ROWS_MAX = 50_000
_COUNT_SUFFIX = "_count"
T = TypeVar("T", bound=Totals)


def shows_totals(query: PageQuery) -> bool:
    """Whether the page that is asked for shows totals."""
    return query.totals == "exact" or (query.totals == "first-page" and query.after is None)


async def totals_of(
    connection: AsyncConnection,
    query: PageQuery,
    kind: type[T],
    selection: str,
    values: Mapping[str, object],
) -> T | None:
    """Return the totals of a selection, or None on a page that does not show them.

    Args:
        kind: what is added up: its field `x` is the sum of the column `x_rappen`, its field
            `x_count` that of the column `x_count`.
        selection: the SELECT of the list's rows under its filters, without order, limit and cursor;
            written by the service, never from what a caller sends.
        values: of its parameters.
    """
    if not shows_totals(query):
        return None
    names = [name for name in kind.model_fields if name not in Totals.model_fields]
    columns = {name: _column(name) for name in names}
    sums = "".join(f", coalesce(sum({each}), 0)::bigint AS {each}" for each in columns.values())
    bound = "" if query.totals == "exact" else f" LIMIT {COUNTED_ROWS_MAX + 1:d}"
    statement = text(f"SELECT count(*) AS rows_found{sums} FROM ({selection}{bound}) AS selection")  # noqa: S608
    row = (await connection.execute(statement, values)).mappings().one()
    exact = query.totals == "exact" or row["rows_found"] <= COUNTED_ROWS_MAX
    added = {name: _written(name, row[column]) for name, column in columns.items()}
    return kind.model_validate(
        {
            **(added if exact else dict.fromkeys(names)),
            "count": row["rows_found"] if exact else COUNTED_ROWS_MAX,
            "exact": exact,
        }
    )


def _column(name: str) -> str:
    return name if name.endswith(_COUNT_SUFFIX) else f"{name}_rappen"


def _written(name: str, added: int) -> object:
    return added if name.endswith(_COUNT_SUFFIX) else {"amount": str(Money(added))}
