"""Ten years begin when the year of the storing ends."""

from __future__ import annotations

from datetime import date

import pytest

from shared.kernel.retention import kept_until


@pytest.mark.parametrize("stored_on", [date(2026, 1, 1), date(2026, 12, 31)])
def test_what_is_stored_in_a_year_stays_ten_more_years(stored_on: date) -> None:
    assert kept_until(stored_on) == date(2036, 12, 31)
    assert kept_until(stored_on, years=11) == date(2037, 12, 31)
