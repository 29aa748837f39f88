"""What the API shows of price lists."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

PRICE_LISTS = """
    SELECT l.*, (SELECT count(*) FROM price_line_now n
                 WHERE n.practice_id = l.practice_id AND n.price_list_id = l.price_list_id) AS lines
    FROM price_list_now l WHERE l.practice_id = :practice_id
      AND (CAST(:tariff_type AS text) IS NULL OR l.tariff_type = :tariff_type)
      AND (CAST(:day AS date) IS NULL
           OR (l.valid_from <= :day AND (l.valid_to IS NULL OR l.valid_to >= :day)))
    """
_PAGE = text(
    f"""{PRICE_LISTS}
      AND (CAST(:after_tariff AS text) IS NULL
           OR (l.tariff_type, l.valid_from)
              > (CAST(:after_tariff AS text), CAST(:after_day AS date)))
    ORDER BY l.tariff_type, l.valid_from LIMIT :limit
    """
)
_ONE = text(f"{PRICE_LISTS} AND l.price_list_id = :price_list_id")
PRICE_LINES = """
    SELECT * FROM price_line_now
    WHERE practice_id = :practice_id AND price_list_id = :price_list_id
"""
_LINES_PAGE = text(
    f"""{PRICE_LINES}
      AND (CAST(:after AS text) IS NULL OR code > :after)
    ORDER BY code LIMIT :limit
    """
)


async def price_lists(
    connection: AsyncConnection,
    practice_id: UUID,
    *,
    limit: int,
    tariff_type: str | None = None,
    day: date | None = None,
    after: tuple[str, date] | None = None,
) -> Sequence[RowMapping]:
    """Return price lists by tariff and first day, after (tariff, day).

    Args:
        tariff_type: only those of this tariff.
        day: only those that hold on this day.
    """
    after_tariff, after_day = after or (None, None)
    values = {
        "practice_id": practice_id,
        "tariff_type": tariff_type,
        "day": day,
        "after_tariff": after_tariff,
        "after_day": after_day,
        "limit": limit,
    }
    return (await connection.execute(_PAGE, values)).mappings().all()


async def price_list(
    connection: AsyncConnection, practice_id: UUID, price_list_id: UUID
) -> Sequence[RowMapping]:
    """Return one price list, or no row."""
    wanted = {
        "practice_id": practice_id,
        "price_list_id": price_list_id,
        "tariff_type": None,
        "day": None,
    }
    return (await connection.execute(_ONE, wanted)).mappings().all()


async def price_lines(
    connection: AsyncConnection,
    practice_id: UUID,
    price_list_id: UUID,
    *,
    limit: int,
    after: str | None = None,
) -> Sequence[RowMapping]:
    """Return lines of a price list by code, after the code given."""
    values = {
        "practice_id": practice_id,
        "price_list_id": price_list_id,
        "after": after,
        "limit": limit,
    }
    return (await connection.execute(_LINES_PAGE, values)).mappings().all()
