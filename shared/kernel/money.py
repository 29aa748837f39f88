"""Money in whole Rappen: exact, CHF only, never a float."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

_TEXT = re.compile(r"-?[0-9]{1,12}\.[0-9]{2}")
CURRENCY = "CHF"


@dataclass(frozen=True, order=True, slots=True)
class Money:
    """An amount of Swiss francs, held in Rappen (1/100 CHF).

    All arithmetic stays in integers; a product with a quantity is rounded half up to the Rappen.
    """

    rappen: int

    def __post_init__(self) -> None:
        if type(self.rappen) is not int:
            raise TypeError("Money counts whole Rappen; use Money.from_decimal for francs")

    @classmethod
    def zero(cls) -> Money:
        """Return CHF 0.00."""
        return cls(0)

    @classmethod
    def parse(cls, text: str) -> Money:
        """Read the wire form, exactly two decimals ("120.00").

        Raises:
            ValueError: the text has another form; nothing is rounded silently.
        """
        if not _TEXT.fullmatch(text):
            raise ValueError(f"not an amount with two decimals: {text!r}")
        return cls(int(text.replace(".", "")))

    @classmethod
    def from_decimal(cls, francs: Decimal) -> Money:
        """Convert exact francs to Rappen.

        Raises:
            ValueError: the value is not finite or has more than two decimals.
        """
        if not francs.is_finite():
            raise ValueError("an amount must be finite")
        rappen = francs * 100
        if rappen != rappen.to_integral_value():
            raise ValueError(f"more than two decimals: {francs}")
        return cls(int(rappen))

    @classmethod
    def total(cls, amounts: Iterable[Money]) -> Money:
        """Add up any number of amounts; the empty sum is zero."""
        return cls(sum(amount.rappen for amount in amounts))

    @classmethod
    def rounded(cls, francs: Decimal) -> Money:
        """Round francs half up to the Rappen (points × point value)."""
        return cls(int((francs * 100).quantize(Decimal(1), rounding=ROUND_HALF_UP)))

    @property
    def francs(self) -> Decimal:
        """The amount in francs with two decimals."""
        return Decimal(self.rappen).scaleb(-2)

    @property
    def is_zero(self) -> bool:
        """Whether the amount is exactly 0.00."""
        return self.rappen == 0

    def __add__(self, other: Money) -> Money:
        return Money(self.rappen + other.rappen)

    def __sub__(self, other: Money) -> Money:
        return Money(self.rappen - other.rappen)

    def __neg__(self) -> Money:
        return Money(-self.rappen)

    def __bool__(self) -> bool:
        return self.rappen != 0

    def __str__(self) -> str:
        """The wire form: "-12.50"."""
        sign = "-" if self.rappen < 0 else ""
        return f"{sign}{abs(self.rappen) // 100}.{abs(self.rappen) % 100:02d}"

    def for_people(self) -> str:
        """The Swiss written form: "CHF 1'234.50"."""
        whole, cents = divmod(abs(self.rappen), 100)
        sign = "-" if self.rappen < 0 else ""
        return f"{CURRENCY} {sign}{whole:,}.{cents:02d}".replace(",", "'")
