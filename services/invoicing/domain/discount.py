"""A discount on an invoice, shown as a line of its own per VAT rate so that the sums stay exact."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal

from services.invoicing.domain.practice import Language
from services.invoicing.domain.treatment import Position, VatLine
from shared.kernel.money import Money

DISCOUNT_CODE = "DISCOUNT"
_OWN_TARIFF = "999"
_TEXTS = {
    Language.GERMAN: "Rabatt",
    Language.FRENCH: "Rabais",
    Language.ITALIAN: "Sconto",
}


def discount_lines(
    percent: Decimal, by_rate: Iterable[VatLine], language: Language, day: date
) -> Iterator[Position]:
    """Return what a discount of so many per cent takes off, rounded half up per VAT rate.

    A line's price is negative and carries the rate of what it reduces, so that the tax shrinks
    with the price. A rate that nothing is taken off has no line.
    """
    for line in by_rate:
        off = Money.rounded(line.amount.francs * percent / 100)
        if off:
            yield Position(
                tariff_type=_OWN_TARIFF,
                code=DISCOUNT_CODE,
                text=f"{_TEXTS[language]} {_plain(percent)} %",
                performed_on=day,
                quantity=Decimal(1),
                points=-off.francs,
                point_value=Decimal(1),
                vat_rate=line.rate,
            )


def _plain(percent: Decimal) -> str:
    text = f"{percent:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
