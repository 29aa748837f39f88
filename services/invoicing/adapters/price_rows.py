"""Price lists in PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.invoicing.domain.price_list import LANGUAGES, Price, PriceKey, PriceLine, PriceList

_ADD_LIST = text(
    """
    INSERT INTO price_list (practice_id, price_list_id, name, tariff_type, point_value,
      valid_from, valid_to, loaded_at, loaded_by)
    VALUES (:practice_id, :price_list_id, :name, :tariff_type, :point_value,
      :valid_from, :valid_to, :loaded_at, :loaded_by)
    ON CONFLICT (practice_id, tariff_type, valid_from) DO NOTHING
    """
)
_ADD_LINES = text(
    """
    INSERT INTO price_line (practice_id, price_list_id, code, text_de, text_fr, text_it, text_en,
      points, vat_rate)
    VALUES (:practice_id, :price_list_id, :code, :text_de, :text_fr, :text_it, :text_en,
      :points, :vat_rate)
    """
)
_LIST = text(
    "SELECT * FROM price_list_now WHERE practice_id = :practice_id AND price_list_id = :list_id"
)
_LINES = text(
    "SELECT * FROM price_line_now WHERE practice_id = :practice_id AND price_list_id = :list_id"
    " ORDER BY code"
)
# Who reads the same version waits for the other's row, and finds that its own is not the next.
_REVISE = text(
    """
    INSERT INTO price_list_revision (practice_id, price_list_id, version, name, point_value,
      valid_to, lines_version, changed_at, changed_by)
    SELECT practice_id, price_list_id, :version, :name, :point_value, CAST(:valid_to AS date),
      CASE WHEN :with_lines THEN :version ELSE lines_version END, :loaded_at, :loaded_by
    FROM price_list_now WHERE practice_id = :practice_id AND price_list_id = :price_list_id
    ON CONFLICT (practice_id, price_list_id, version) DO NOTHING
    """
)
_REVISE_LINES = text(
    """
    INSERT INTO price_line_revision (practice_id, price_list_id, version, code, text_de, text_fr,
      text_it, text_en, points, vat_rate)
    VALUES (:practice_id, :price_list_id, :version, :code, :text_de, :text_fr, :text_it, :text_en,
      :points, :vat_rate)
    """
)
# Of the lists that hold on a day, the one that began last counts, whether it has the code or not.
_FIND = text(
    """
    SELECT wanted.tariff_type, wanted.day, line.*, list.point_value
    FROM unnest(CAST(:tariffs AS text[]), CAST(:codes AS text[]), CAST(:days AS date[]))
      AS wanted (tariff_type, code, day)
    CROSS JOIN LATERAL (
      SELECT l.price_list_id, l.point_value FROM price_list_now l
      WHERE l.practice_id = :practice_id AND l.tariff_type = wanted.tariff_type
        AND l.valid_from <= wanted.day AND (l.valid_to IS NULL OR l.valid_to >= wanted.day)
      ORDER BY l.valid_from DESC LIMIT 1
    ) AS list
    JOIN price_line_now line ON line.practice_id = :practice_id
      AND line.price_list_id = list.price_list_id AND line.code = wanted.code
    """
)


_NAMES = (
    "practice_id",
    "price_list_id",
    "name",
    "point_value",
    "valid_to",
    "loaded_at",
    "loaded_by",
)


class SqlPriceRepository:
    """See services.invoicing.ports.PriceRepository."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, price_list: PriceList) -> bool:
        """Keep a new list; return False if one of that tariff begins on that day already."""
        values = {
            name: getattr(price_list, name) for name in (*_NAMES, "tariff_type", "valid_from")
        }
        if not (await self._connection.execute(_ADD_LIST, values)).rowcount:
            return False
        await self._connection.execute(_ADD_LINES, _line_values(price_list))
        return True

    async def get(self, practice_id: UUID, price_list_id: UUID) -> PriceList | None:
        """Return a price list as it counts now, its lines by code, or None."""
        wanted = {"practice_id": practice_id, "list_id": price_list_id}
        row = (await self._connection.execute(_LIST, wanted)).mappings().one_or_none()
        if row is None:
            return None
        lines = (await self._connection.execute(_LINES, wanted)).mappings()
        names = (*_NAMES, "tariff_type", "valid_from", "version")
        return PriceList(
            **{name: row[name] for name in names}, lines=tuple(_line(line) for line in lines)
        )

    async def revise(self, price_list: PriceList, *, with_lines: bool) -> bool:
        """Keep the next version of a list; return False if somebody else kept one meanwhile."""
        values = {name: getattr(price_list, name) for name in (*_NAMES, "version")}
        values["with_lines"] = with_lines
        if not (await self._connection.execute(_REVISE, values)).rowcount:
            return False
        if with_lines:
            version = {"version": price_list.version}
            lines = [line | version for line in _line_values(price_list)]
            await self._connection.execute(_REVISE_LINES, lines)
        return True

    async def find(self, practice_id: UUID, wanted: Collection[PriceKey]) -> dict[PriceKey, Price]:
        """Return the price of each code on its day, where there is one."""
        keys = list(wanted)
        rows = await self._connection.execute(
            _FIND,
            {
                "practice_id": practice_id,
                "tariffs": [key.tariff_type for key in keys],
                "codes": [key.code for key in keys],
                "days": [key.day for key in keys],
            },
        )
        return {
            PriceKey(row["tariff_type"], row["code"], row["day"]): Price(
                _line(row), row["point_value"]
            )
            for row in rows.mappings()
        }


def _line_values(price_list: PriceList) -> list[dict[str, object]]:
    return [
        {
            "practice_id": price_list.practice_id,
            "price_list_id": price_list.price_list_id,
            "code": line.code,
            **{f"text_{one}": line.texts.get(one) for one in LANGUAGES},
            "points": line.points,
            "vat_rate": line.vat_rate,
        }
        for line in price_list.lines
    ]


def _line(row: RowMapping) -> PriceLine:
    return PriceLine(
        code=row["code"],
        texts={one: row[f"text_{one}"] for one in LANGUAGES if row[f"text_{one}"]},
        points=row["points"],
        vat_rate=row["vat_rate"],
    )
