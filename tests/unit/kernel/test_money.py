"""Money is exact, in whole Rappen, and rounds in one way only."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.kernel.money import Money

WIRE_LIMIT = 10**14 - 1
amounts = st.integers(min_value=-WIRE_LIMIT, max_value=WIRE_LIMIT).map(Money)


@given(amounts)
def test_what_is_written_is_read_back(money: Money) -> None:
    assert Money.parse(str(money)) == money


@given(amounts)
def test_francs_and_rappen_say_the_same(money: Money) -> None:
    assert Money.from_decimal(money.francs) == money


@given(amounts, amounts)
def test_adding_and_taking_away_give_the_same_amount(first: Money, second: Money) -> None:
    assert first + second - second == first
    assert first - second == -(second - first)


@given(st.lists(amounts, max_size=20))
def test_a_total_does_not_depend_on_the_order(parts: list[Money]) -> None:
    assert Money.total(parts) == Money.total(reversed(parts))
    assert Money.total(parts).rappen == sum(part.rappen for part in parts)


@given(amounts, amounts)
def test_amounts_are_ordered_by_value(first: Money, second: Money) -> None:
    assert (first < second) == (first.francs < second.francs)


@given(
    st.decimals(
        min_value=-1_000_000, max_value=1_000_000, places=5, allow_nan=False, allow_infinity=False
    )
)
def test_rounding_is_half_up_to_the_rappen(francs: Decimal) -> None:
    expected = francs.quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)
    assert Money.rounded(francs).francs == expected


@pytest.mark.parametrize(
    ("francs", "rounded"),
    [("0.005", "0.01"), ("0.00499", "0.00"), ("-0.005", "-0.01"), ("2.675", "2.68")],
)
def test_a_half_rappen_goes_away_from_zero(francs: str, rounded: str) -> None:
    assert str(Money.rounded(Decimal(francs))) == rounded


@pytest.mark.parametrize("value", [1.0, 0.5, True, False, "1", Decimal(1), None])
def test_money_refuses_everything_but_whole_rappen(value: Any) -> None:
    with pytest.raises(TypeError, match="whole Rappen"):
        Money(value)


@pytest.mark.parametrize(
    "text",
    ["", "1", "1.0", "1.000", ".50", "1,50", "+1.00", " 1.00", "1.00\n", "1'000.00", "1e2", "١.٠٠"],
)
def test_money_reads_two_decimals_and_nothing_else(text: str) -> None:
    with pytest.raises(ValueError, match="two decimals"):
        Money.parse(text)


def test_money_of_thirteen_digits_is_refused() -> None:
    with pytest.raises(ValueError, match="two decimals"):
        Money.parse("1000000000000.00")


@pytest.mark.parametrize("text", ["0.001", "-12.345", "1E-3"])
def test_more_than_two_decimals_are_not_rounded_silently(text: str) -> None:
    with pytest.raises(ValueError, match="more than two decimals"):
        Money.from_decimal(Decimal(text))


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity"])
def test_an_amount_is_finite(text: str) -> None:
    with pytest.raises(ValueError, match="finite"):
        Money.from_decimal(Decimal(text))


@pytest.mark.parametrize(
    ("rappen", "wire", "people"),
    [
        (0, "0.00", "CHF 0.00"),
        (5, "0.05", "CHF 0.05"),
        (-5, "-0.05", "CHF -0.05"),
        (123450, "1234.50", "CHF 1'234.50"),
        (-100000000, "-1000000.00", "CHF -1'000'000.00"),
    ],
)
def test_an_amount_is_written_for_the_wire_and_for_people(
    rappen: int, wire: str, people: str
) -> None:
    assert str(Money(rappen)) == wire
    assert Money(rappen).for_people() == people


def test_only_exactly_nothing_is_zero() -> None:
    assert Money.zero().is_zero
    assert not Money.zero()
    assert Money(-1)
    assert not Money(1).is_zero
    assert Money.total([]) == Money.zero()
