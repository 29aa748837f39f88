"""The posting rules, as an accountant would check them: a fact in, positions and postings out."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.reconciliation.domain.accounting_page import accounting_page
from services.reconciliation.domain.booking import Booked, booking_rank
from services.reconciliation.domain.journal import as_text as postings_as_text
from services.reconciliation.domain.model import PAYMENT_ORDER, Beneficiary, Component, Debt
from services.reconciliation.domain.owing import payment_split
from services.reconciliation.domain.posting import DEB_KINDS, postings, rule_for
from services.reconciliation.domain.rules import RULES, DebtorEffect, Measure, Rule, Side
from shared.kernel.money import Money
from tests.unit.reconciliation.builders import CHART, a_book, a_position, a_row, as_text

F, P = Beneficiary.FACTOR, Beneficiary.PRACTICE
NOTHING = "nothing posted"
TABLE = [
    # kind, Rappen, beneficiary → position after (before: D 120.00 P 120.00), postings
    ("sent", 0, None, "D 120.00 P 120.00", NOTHING),
    ("returned", 0, None, "D 120.00 P 120.00", NOTHING),
    ("reminder", 0, None, "D 120.00 P 120.00", NOTHING),
    ("instalment_plan", 0, None, "D 120.00 P 120.00", NOTHING),
    ("deferral", 0, None, "D 120.00 P 120.00", NOTHING),
    ("dispute", 0, None, "D 120.00 P 120.00", NOTHING),
    ("debt_enforcement", 0, None, "D 120.00 P 120.00", NOTHING),
    ("closed", 0, None, "D 120.00 P 120.00", NOTHING),
    ("debtor_payment", 5000, None, "D 70.00 P 120.00", NOTHING),
    ("debtor_payment", 12000, None, "D 0.00 P 120.00", NOTHING),
    ("reminder_fee", 2000, F, "D 140.00 (20.00 reminder_fees) P 120.00", NOTHING),
    ("reminder_fee", 2000, None, "D 140.00 (20.00 reminder_fees) P 120.00", NOTHING),
    (
        "reminder_fee",
        2000,
        P,
        "D 140.00 (20.00 reminder_fees) P 140.00",
        "1088 D 20.00, 3409 C 20.00",
    ),
    ("default_interest", 150, F, "D 121.50 (1.50 interest) P 120.00", NOTHING),
    (
        "default_interest",
        150,
        P,
        "D 121.50 (1.50 interest) P 121.50",
        "1088 D 1.50, 3409 C 1.50",
    ),
    ("instalment_surcharge", 300, F, "D 123.00 (3.00 interest) P 120.00", NOTHING),
    ("enforcement_cost", 7300, F, "D 193.00 (73.00 costs) P 120.00", NOTHING),
    (
        "enforcement_cost",
        7300,
        P,
        "D 193.00 (73.00 costs) P 193.00",
        "1088 D 73.00, 3409 C 73.00",
    ),
    ("payout", 11500, None, "D 120.00 P 5.00", "1020 D 115.00, 1088 C 115.00"),
    ("payout", -2000, None, "D 120.00 P 140.00", "1020 C 20.00, 1088 D 20.00"),
    ("payout", 13000, None, "D 120.00 P -10.00", "1020 D 130.00, 1088 C 130.00"),
    ("advance", 8000, None, "D 120.00 P 40.00", "1020 D 80.00, 1088 C 80.00"),
    ("factor_fee", 500, None, "D 120.00 P 115.00", "6940 D 5.00, 1088 C 5.00"),
    ("debtor_refund", 1000, None, "D 130.00 P 120.00", NOTHING),
    ("credit_note", 2000, None, "D 100.00 P 100.00", "3400 D 20.00, 1088 C 20.00"),
    ("cancellation", 12000, None, "D 0.00 P 0.00", "3400 D 120.00, 1088 C 120.00"),
    ("recourse", 12000, None, "D 120.00 P 0.00", "1100 D 120.00, 1088 C 120.00"),
    ("write_off", 3000, None, "D 90.00 P 90.00", "3805 D 30.00, 1088 C 30.00"),
    ("adjustment", 105, F, "D 121.05 P 120.00", NOTHING),
    ("adjustment", -105, F, "D 118.95 P 120.00", NOTHING),
    ("adjustment", 105, P, "D 121.05 P 121.05", "1088 D 1.05, 3400 C 1.05"),
    ("adjustment", -105, None, "D 118.95 P 118.95", "1088 C 1.05, 3400 D 1.05"),
]
APART = {"reversal", "account_movement"}
"""Kinds that need more than an invoice; they have tests of their own."""


@pytest.mark.parametrize(("kind", "rappen", "beneficiary", "after", "posted"), TABLE)
def test_each_kind_does_to_the_books_what_the_table_says(
    kind: str, rappen: int, beneficiary: Beneficiary | None, after: str, posted: str
) -> None:
    decision = a_book(a_position()).decide(a_row("R-1", kind, rappen, beneficiary=beneficiary))
    assert isinstance(decision, Booked)
    assert as_text(decision.position) == after
    lines = decision.entry.postings if decision.entry else ()
    assert (postings_as_text(lines) or NOTHING) == posted


def test_the_table_of_examples_covers_every_kind_of_a_deb_file() -> None:
    assert {line[0] for line in TABLE} == DEB_KINDS - APART


def test_an_issued_invoice_is_split_into_balance_and_deposit() -> None:
    lines = postings(
        rule_for("invoice_issued"),
        {Measure.BALANCE: Money(8000), Measure.DEPOSIT: Money(2000), Measure.TOTAL: Money(10000)},
        chart=CHART,
        invoice_id=a_position().invoice_id,
    )
    assert postings_as_text(lines) == "1100 D 80.00, 2030 D 20.00, 3400 C 100.00"


def test_the_contract_says_who_gets_the_fee_where_the_row_is_silent() -> None:
    book = a_book(a_position(), reminder_fee_beneficiary=P)
    silent = book.decide(a_row("R-1", "reminder_fee", 2000))
    stated = book.decide(a_row("R-2", "reminder_fee", 2000, beneficiary=F))
    assert isinstance(silent, Booked)
    assert isinstance(stated, Booked)
    assert silent.entry is not None
    assert stated.entry is None


def test_a_payment_settles_costs_then_interest_then_reminder_fees_then_principal() -> None:
    debt = Debt(*(Money(rappen) for rappen in (1000, 200, 30, 4)))
    steps = [payment_split(debt, Money(amount)) for amount in (3, 10, 100, 1234)]
    assert [
        None if step is None else [step.part(part).rappen for part in Component] for step in steps
    ] == [[0, 0, 0, -3], [0, 0, -6, -4], [0, -66, -30, -4], [-1000, -200, -30, -4]]
    assert payment_split(debt, Money(1235)) is None


@pytest.mark.parametrize("order", list(itertools.permutations(Component)), ids="-".join)
@given(parts=st.lists(st.integers(0, 99_999), min_size=4, max_size=4), share=st.integers(0, 1000))
def test_b9_a_payment_is_split_to_the_rappen_in_whatever_order_the_contract_names(
    order: tuple[Component, ...], parts: list[int], share: int
) -> None:
    debt = Debt(*(Money(rappen) for rappen in parts))
    paid = Money(debt.total.rappen * share // 1000)
    change = payment_split(debt, paid, order=order)
    assert change is not None
    assert change.total == -paid
    left = [(debt + change).part(component).rappen for component in order]
    settled = [change.part(component).rappen for component in order]
    first_open = next((place for place, rest in enumerate(left) if rest), len(order))
    assert settled[first_open + 1 :] == [0] * len(order[first_open + 1 :])


def test_b9_the_order_of_the_contract_holds_for_its_rows() -> None:
    principal_first = (Component.PRINCIPAL, *PAYMENT_ORDER[:3])
    for order, expected in ((PAYMENT_ORDER, (0, -2000)), (principal_first, (-2000, 0))):
        book = a_book(a_position(), payment_order=order)
        book.decide(a_row("R-1", "reminder_fee", 2000))
        paid = book.decide(a_row("R-2", "debtor_payment", 2000))
        assert isinstance(paid, Booked)
        change = paid.fact.debt_change
        assert (change.principal.rappen, change.reminder_fees.rappen) == expected


def test_a_recourse_keeps_the_principal_whatever_payments_settle_first() -> None:
    order = (Component.PRINCIPAL, *(one for one in Component if one is not Component.PRINCIPAL))
    debt = Debt(principal=Money(12_000), reminder_fees=Money(2_000))
    book = a_book(a_position(debt=debt), payment_order=order)
    decision = book.decide(a_row("R-1", "recourse", 12_500))
    assert isinstance(decision, Booked)
    assert decision.position is not None
    assert decision.position.debt == Debt(principal=Money(12_000), reminder_fees=Money(500))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.kind}-{rule.beneficiary}")
def test_no_rule_touches_the_factor_account_without_changing_p_alike(rule: Rule) -> None:
    """P is the invoice's share of the factor account: the table must not let them part."""
    legs = [leg for leg in rule.legs if leg.role == "factor"]
    sides = sum(1 if leg.side is Side.DEBIT else -1 for leg in legs)
    assert sides == rule.factor


def test_a_charge_names_its_component_and_nothing_else_does() -> None:
    for rule in RULES:
        assert (rule.debtor is DebtorEffect.CHARGE) == (rule.component is not None), rule.kind


def test_the_accounting_page_is_what_the_table_says() -> None:
    page = Path(__file__).parents[3] / "docs" / "accounting.md"
    assert page.read_text() == accounting_page(), "render it anew, see accounting_page.py"


@given(st.permutations([("R-1", "reminder_fee", 2000), ("R-2", "debtor_payment", 14_000)]))
def test_the_order_of_rows_within_a_file_does_not_matter(rows: list[tuple[str, str, int]]) -> None:
    book = a_book(a_position())
    given_rows = sorted((a_row(*row) for row in rows), key=booking_rank)
    decisions = [book.decide(row) for row in given_rows]
    assert all(isinstance(decision, Booked) for decision in decisions)
    assert as_text(book.known.by_number["2026-000001"]) == "D 0.00 P 120.00"


def test_ranks_put_every_charge_before_every_payment() -> None:
    charges = [rule.kind for rule in RULES if rule.component and rule.from_deb]
    payments = ["debtor_payment", "payout", "sent", "surprise"]
    for charge, payment in itertools.product(charges, payments):
        assert booking_rank(a_row(kind=charge)) < booking_rank(a_row(kind=payment))


def test_ranks_put_reversals_after_payments_and_endings_last() -> None:
    ranks = [booking_rank(a_row(kind=kind)) for kind in ("credit_note", "reversal", "recourse")]
    assert ranks == sorted(set(ranks))
    assert booking_rank(a_row(kind="write_off")) == booking_rank(a_row(kind="cancellation"))
