"""Tax by rate in a generalInvoiceRequest: what the import and the check of a package demand of it.

Prices include the tax. The schema relates no number to another: it lets services at one rate be
summed up at another, and any tax stand beside any amount.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Final

TOLERANCE: Final = Decimal("0.05")
"""By how many francs a rate's amount and its tax may differ from what they should be: rounding."""
_HALF_A_RAPPEN: Final = Decimal("0.005")


def tax_faults(
    services: Iterable[tuple[Decimal, Decimal]],
    rates: Iterable[tuple[Decimal, Decimal, Decimal]],
) -> Iterator[str]:
    """Yield in words what is wrong with the tax; nothing if all is right.

    Args:
        services: rate in per cent and amount in francs, tax included, of every service.
        rates: rate, amount and tax of every row of the balance; a rate may have several.
    """
    charged: defaultdict[Decimal, Decimal] = defaultdict(Decimal)
    summed: defaultdict[Decimal, Decimal] = defaultdict(Decimal)
    taxed: defaultdict[Decimal, Decimal] = defaultdict(Decimal)
    services, rates = list(services), list(rates)
    if not all(_is_rate(rate) for rate in (*(one[0] for one in services), *(r[0] for r in rates))):
        yield "A VAT rate is no percentage."
        return
    lines = Counter(rate for rate, _ in services)
    for rate, amount in services:
        charged[rate] += amount
    for rate, amount, tax in rates:
        summed[rate] += amount
        taxed[rate] += tax
    for rate in sorted({*charged, *summed}):
        if abs(charged[rate] - summed[rate]) > TOLERANCE:
            yield (
                f"The services at {_plain(rate)} % come to {charged[rate]}; the balance says"
                f" {summed[rate]} at that rate."
            )
        due = summed[rate] * rate / (100 + rate)
        # Who taxes line by line rounds as often.
        if abs(taxed[rate] - due) > max(TOLERANCE, _HALF_A_RAPPEN * lines[rate]):
            yield f"{taxed[rate]} is not the tax of {_plain(rate)} % within {summed[rate]}."


def _is_rate(rate: Decimal) -> bool:
    return rate.is_finite() and 0 <= rate <= 100


def _plain(rate: Decimal) -> str:
    text = f"{rate:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
