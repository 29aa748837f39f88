"""Suggestions for a parked row: slips of the pen, and an order that a person can follow."""

from __future__ import annotations

import pytest

from services.reconciliation.domain.model import Debt
from services.reconciliation.domain.suggesting import similar_numbers, suggestions
from shared.kernel.money import Money
from tests.unit.reconciliation.builders import a_position, a_row


@pytest.mark.parametrize("meant", ["2026-000123", "2026-000132", "2026-00012", "2026-0001234"])
def test_a_number_is_similar_when_one_slip_of_the_pen_makes_it(meant: str) -> None:
    written = {"2026-000123": "2026-000128", "2026-000132": "2026-000123"}
    assert meant in similar_numbers(written.get(meant, "2026-000123"))


@pytest.mark.parametrize("other", ["2026-000123", "2026-000321", "2026-001", "2027-000124"])
def test_a_number_that_takes_two_slips_is_not_similar(other: str) -> None:
    assert other not in similar_numbers("2026-000123")


def test_the_invoice_for_which_most_speaks_comes_first_and_each_says_why() -> None:
    row = a_row(rappen=5000, invoice_number="2026-000012", debtor_number="20002")
    found = suggestions(
        row,
        [
            a_position("2026-000099", 7000, debtor_number="10001"),
            a_position("2026-000050", 7000, debtor_number="20002"),
            a_position("2026-000021", 5000, debtor_number="20002"),
            a_position("2026-000060", 5000, debtor_number="10001"),
        ],
    )
    assert [(one.position.invoice_number, one.because) for one in found] == [
        ("2026-000021", ("similar-number", "same-debtor", "same-amount")),
        ("2026-000050", ("same-debtor",)),
        ("2026-000060", ("same-amount",)),
    ]


def test_at_most_five_are_suggested_and_an_empty_row_suggests_none() -> None:
    many = [a_position(f"2026-{number:06d}") for number in range(20, 30)]
    assert len(suggestions(a_row(invoice_number=None), many)) == 5
    empty = a_row(rappen=0, invoice_number=None, debtor_number=None)
    paid = a_position(debt=Debt(), factor_owes=Money(0))
    assert suggestions(empty, [paid]) == []
