"""Amounts are exact to the Rappen, and every sum adds up."""

from __future__ import annotations

from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.invoicing.domain.treatment import (
    Position,
    check_treatment,
    vat_lines,
)
from shared.kernel.errors import DomainError
from shared.kernel.money import Money
from tests.unit.invoicing.builders import (
    DAY,
    a_document,
    a_patient,
    a_position,
    a_practice,
    a_provider,
    a_treatment,
)


def decimals(top: int, places: int) -> st.SearchStrategy[Decimal]:
    """Return decimals from zero up to `top`, with so many places."""
    return st.integers(0, top * 10**places).map(lambda units: Decimal(units).scaleb(-places))


positions = st.builds(
    a_position,
    points=decimals(999_999, 2).map(str),
    point_value=decimals(999, 4).map(str),
    quantity=decimals(9_999, 3).map(str),
    vat_rate=st.sampled_from([Decimal(0), Decimal("2.6"), Decimal("3.8"), Decimal("8.1")]),
)


@given(positions)
def test_an_amount_is_the_exact_product_rounded_half_up(position: Position) -> None:
    exact = Fraction(position.points) * Fraction(position.point_value) * Fraction(position.quantity)
    assert position.amount.rappen == int(exact * 100 + Fraction(1, 2))


@pytest.mark.parametrize(
    ("points", "point_value", "quantity", "amount"),
    [
        ("100", "1.20", "1", "120.00"),
        ("10.01", "0.5", "1", "5.01"),  # 5.005 goes up
        ("10.01", "0.4999", "1", "5.00"),  # 5.003999 goes down
        ("0.01", "0.5", "1", "0.01"),  # half a Rappen goes up
        ("0.01", "0.4999", "1", "0.00"),
        ("12.5", "3.1", "0.333", "12.90"),  # 12.90375
        ("0", "1", "1", "0.00"),
    ],
)
def test_half_a_rappen_is_rounded_up(
    points: str, point_value: str, quantity: str, amount: str
) -> None:
    assert str(a_position(points, point_value, quantity).amount) == amount


@given(st.lists(positions, min_size=1, max_size=20))
def test_the_amounts_by_vat_rate_add_up_to_the_total(chosen: list[Position]) -> None:
    lines = vat_lines(chosen)
    total = Money.total(position.amount for position in chosen)
    assert Money.total(line.amount for line in lines) == total
    assert [line.rate for line in lines] == sorted({position.vat_rate for position in chosen})


@given(st.lists(positions, min_size=1, max_size=20))
def test_the_tax_is_within_the_amount_and_exact_to_the_rappen(chosen: list[Position]) -> None:
    for line in vat_lines(chosen):
        exact = Fraction(line.amount.rappen) * Fraction(line.rate) / (100 + Fraction(line.rate))
        assert abs(line.vat.rappen - exact) <= Fraction(1, 2)
        assert Money.zero() <= line.vat <= line.amount


def test_a_tax_is_the_share_within_the_price() -> None:
    (line,) = vat_lines([a_position("108.10", "1", vat_rate=Decimal("8.1"))])
    assert (str(line.amount), str(line.vat)) == ("108.10", "8.10")


@given(st.lists(positions, min_size=1, max_size=10), st.integers(0, 10**9))
def test_total_less_deposit_is_the_balance(chosen: list[Position], deposit: int) -> None:
    practice = a_practice()
    patient, provider = a_patient(practice), a_provider(practice)
    document = a_document(
        practice=practice,
        patient=patient,
        providers={provider.provider_id: provider},
        treatments=(
            a_treatment(patient, provider, *chosen),
            a_treatment(patient, provider),
        ),
        deposit=Money(deposit),
    )
    assert document.balance + Money(deposit) == document.total
    assert document.total.rappen == sum(one.amount.rappen for one in chosen) + 12_000


def test_rounding_is_not_the_bankers_kind() -> None:
    half = Decimal("0.025")
    assert Money.rounded(half) == Money(3)
    assert int((half * 100).quantize(Decimal(1), rounding=ROUND_HALF_UP)) == 3


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"ended_on": DAY - timedelta(days=1)}, "treatment-dates", "ended_on"),
        ({"ended_on": DAY + timedelta(days=10)}, "treatment-dates", "ended_on"),
        (
            {"positions": (a_position(), a_position(performed_on=DAY - timedelta(days=1)))},
            "position-date",
            "positions.1.performed_on",
        ),
        (
            {"positions": (a_position("999999", "999"),)},
            "amount-too-large",
            "positions.0.points",
        ),
    ],
)
def test_a_treatment_that_cannot_be_is_refused_with_the_field(
    changes: dict[str, object], code: str, field: str
) -> None:
    practice = a_practice()
    treatment = a_treatment(a_patient(practice), a_provider(practice), **changes)
    with pytest.raises(DomainError) as refused:
        check_treatment(treatment, today=DAY + timedelta(days=3))
    assert (refused.value.code, refused.value.field) == (code, field)


def test_a_treatment_that_ended_today_is_fine() -> None:
    practice = a_practice()
    check_treatment(a_treatment(a_patient(practice), a_provider(practice)), today=DAY)
