"""Rounding of an invoice to 5 Rappen, shown as a line of its own so that the sums stay exact."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from services.invoicing.domain.practice import Language
from services.invoicing.domain.treatment import Position
from shared.kernel.money import Money

ROUNDING_CODE = "ROUNDING"
_OWN_TARIFF = "999"
_TEXTS = {
    Language.GERMAN: "Rundung auf 5 Rappen",
    Language.FRENCH: "Arrondi à 5 centimes",
    Language.ITALIAN: "Arrotondamento a 5 centesimi",
}


def to_five(amount: Money) -> Money:
    """Return the nearest multiple of 5 Rappen; no amount lies half-way."""
    return Money((amount.rappen + 2) // 5 * 5)


def rounding_line(difference: Money, language: Language, day: date) -> Position:
    """Return the position that stands for the difference; it carries no tax."""
    return Position(
        tariff_type=_OWN_TARIFF,
        code=ROUNDING_CODE,
        text=_TEXTS[language],
        performed_on=day,
        quantity=Decimal(1),
        points=difference.francs,
        point_value=Decimal(1),
    )
