"""Numbers in a generalInvoiceRequest: how large and how small one may be.

The schema takes any floating-point number, so an exponent of nine digits passes it; no amount of
money and no quantity is like that, and reckoning with it fails.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

MAGNITUDE_MAX: Final = 12
_ZERO_DIGITS_MAX: Final = 40


def is_within_bounds(number: Decimal) -> bool:
    """Whether a number is less than 10^13 and at least 10^-12 in size, or zero, or not finite.

    What is infinite or no number at all is left to the rules, which name it.
    """
    if not number.is_finite():
        return True
    smallest = -MAGNITUDE_MAX if number else -_ZERO_DIGITS_MAX
    return smallest <= number.adjusted() <= MAGNITUDE_MAX
