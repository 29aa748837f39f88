"""The public holidays of the cantons, from the package `holidays`."""

from __future__ import annotations

from datetime import date
from functools import lru_cache


class SwissHolidays:
    """See services.orders.ports.Holidays."""

    def is_holiday(self, day: date, canton: str | None) -> bool:
        """Whether nobody works on this day; without a canton only where that holds everywhere."""
        return day in _of_year(day.year, canton)


@lru_cache(maxsize=256)
def _of_year(year: int, canton: str | None) -> frozenset[date]:
    import holidays

    return frozenset(holidays.country_holidays("CH", subdiv=canton, years=year))
