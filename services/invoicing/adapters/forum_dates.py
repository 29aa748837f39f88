"""Days and instants in the Forum format, by the calendar of Switzerland.

The lists and the printed page must name the same days, so both read them here.
"""

from __future__ import annotations

from datetime import UTC, date, datetime

from shared.kernel.clock import SWISS_TIME


def swiss_day(text: str) -> date:
    """Return the day in Switzerland of a date, or of an instant; without a zone it is Swiss.

    Raises:
        ValueError, OverflowError: there is no such day.
    """
    if "T" not in text:
        return date.fromisoformat(text[:10])
    moment = datetime.fromisoformat(text)
    return moment.date() if moment.tzinfo is None else moment.astimezone(SWISS_TIME).date()


def instant(text: str) -> datetime:
    """Return an instant in UTC; without a zone it is Swiss.

    Raises:
        ValueError, OverflowError: there is no such instant.
    """
    moment = datetime.fromisoformat(text)
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=SWISS_TIME)
    return aware.astimezone(UTC)
