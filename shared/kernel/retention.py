"""How long what proves an invoice is kept: ten years from the end of its year (OR 958f)."""

from __future__ import annotations

from datetime import date

RETENTION_YEARS = 10
"""The law's least, and what is kept where nothing else is set."""


def kept_until(stored_on: date, *, years: int = RETENTION_YEARS) -> date:
    """Return the last day on which something stored on this day must still be there.

    The years begin when the calendar year of its storing ends. Where the business year ends later,
    they begin up to a year later, and one more is to be set.
    """
    return date(stored_on.year + years, 12, 31)
