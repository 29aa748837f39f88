"""The life of an invoice: legal steps, repeats, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.invoicing.domain.errors import (
    IllegalTransitionError,
    LineDecidedOtherwiseError,
)
from services.invoicing.domain.invoice import (
    DebtorBalance,
    Fact,
    InvoiceState,
    Outcome,
    Standing,
)
from services.invoicing.domain.order import Placement
from shared.kernel.money import Money
from tests.unit.invoicing.builders import DAY, a_placement, a_standing

ORDER = UUID(int=1)
OTHER = UUID(int=2)
FULL = Money.parse("120.00")


FIRST = a_placement(ORDER)
SECOND = a_placement(OTHER, days=1)


def ordered() -> Standing:
    return a_standing().placed([FIRST])


def acquitted() -> Standing:
    return ordered().acquitted(FIRST, amount=FULL, sequence=1)[0]


def closed() -> Standing:
    return moved(acquitted(), "0.00", facts=(Fact("closed", None, DAY),), sequence=2)


def moved(
    standing: Standing,
    principal: str,
    *,
    facts: tuple[Fact, ...] = (),
    sequence: int,
    with_factor: bool = True,
    factor_owes: str = "0.00",
) -> Standing:
    return standing.repositioned(
        DebtorBalance.of(Money.parse(principal)),
        factor_owes=Money.parse(factor_owes),
        with_factor=with_factor,
        facts=facts,
        sequence=sequence,
    )[0]


def payment(amount: str, kind: str = "debtor_payment") -> Fact:
    return Fact(kind, Money.parse(amount), date(2026, 4, 1))


def test_the_ordinary_life_leads_from_issued_to_closed() -> None:
    states = [one.state for one in (a_standing(), ordered(), acquitted(), closed())]
    assert states == ["issued", "ordered", "acquitted", "closed"]


def test_an_acquittal_sets_the_asterisk_and_leaves_what_the_debtor_owes() -> None:
    standing = acquitted()
    assert standing.balance_text() == "120.00 *"
    assert standing.balance.total == FULL
    assert standing.factor_owes == FULL
    assert not standing.paid
    assert a_standing().balance_text() == "120.00"


def test_a_refused_invoice_is_free_again_and_keeps_the_reason() -> None:
    refused = FIRST.refused("address-unknown")
    standing = ordered().placed([refused])
    assert (standing.state, standing.order_id) == (InvoiceState.ISSUED, None)
    assert standing.refusal_code == "address-unknown"
    again = standing.placed([refused, SECOND])
    assert (again.state, again.order_id, again.refusal_code) == ("ordered", OTHER, None)


placements = st.permutations(
    [
        FIRST.refused("first"),
        a_placement(UUID(int=8), days=1),
        a_placement(UUID(int=3), days=2),
        a_placement(UUID(int=4), days=3, refusal_code="fourth"),
    ]
)


@given(placements, st.integers(0, 4))
def test_the_newest_live_order_counts_in_whatever_order_the_news_comes(
    news: list[Placement], known: int
) -> None:
    standing = a_standing()
    for count in range(known + 1):
        standing = standing.placed(news[:count])
    standing = standing.placed(news)
    assert (standing.state, standing.order_id) == (InvoiceState.ORDERED, UUID(int=3))


def test_if_all_refused_it_the_newest_refusal_is_shown() -> None:
    standing = a_standing().placed([SECOND.refused("newer"), FIRST.refused("older")])
    assert (standing.state, standing.refusal_code) == (InvoiceState.ISSUED, "newer")


@pytest.mark.parametrize(
    ("standing", "step"),
    [
        (acquitted(), lambda one: one.acquitted(FIRST, amount=FULL, sequence=1)),
        (closed(), lambda one: one.acquitted(FIRST, amount=FULL, sequence=9)),
    ],
)
def test_a_step_taken_before_says_so_and_changes_nothing(standing: Standing, step: object) -> None:
    assert callable(step)
    assert step(standing) == (standing, Outcome.ALREADY_DONE)


@pytest.mark.parametrize(
    ("standing", "step"),
    [
        (acquitted(), lambda one: one.check_refusable(ORDER)),
        (closed(), lambda one: one.check_refusable(ORDER)),
        (
            ordered(),
            lambda one: one.acquitted(FIRST.refused("x"), amount=FULL, sequence=1),
        ),
        (acquitted(), lambda one: one.acquitted(SECOND, amount=FULL, sequence=2)),
        (a_standing(), lambda one: moved(one, "120.00", sequence=1)),
        (ordered(), lambda one: moved(one, "120.00", sequence=1)),
    ],
)
def test_an_illegal_step_raises_and_names_the_invoice(standing: Standing, step: object) -> None:
    assert callable(step)
    with pytest.raises(IllegalTransitionError, match="2026-000001"):
        step(standing)


def test_what_is_acquitted_stays_so_when_an_older_order_is_heard_of() -> None:
    late = acquitted_with_second = ordered().acquitted(SECOND, amount=FULL, sequence=1)[0]
    late = late.placed([FIRST, SECOND])
    assert late == acquitted_with_second
    assert late.order_id == OTHER
    late.check_refusable(ORDER)


def test_a_line_is_decided_once() -> None:
    accepted, refused = FIRST.accepted(), FIRST.refused("first")
    assert accepted.accepted() == accepted
    assert refused.refused("second") == refused
    with pytest.raises(LineDecidedOtherwiseError, match="CMD-2026-0000"):
        accepted.refused("x")
    with pytest.raises(LineDecidedOtherwiseError, match="CMD-2026-0000"):
        refused.accepted()


def test_an_older_statement_of_the_books_changes_nothing() -> None:
    standing = moved(acquitted(), "20.00", sequence=5, facts=(payment("100.00"),))
    older = standing.repositioned(
        DebtorBalance.of(FULL),
        factor_owes=FULL,
        with_factor=True,
        facts=(payment("1.00"),),
        sequence=5,
    )
    assert older == (standing, Outcome.ALREADY_DONE)


@given(
    st.lists(st.tuples(st.integers(2, 12), st.integers(-9_999, 99_999)), min_size=1, max_size=30)
)
def test_whatever_is_delivered_again_or_late_the_highest_statement_counts(
    deliveries: list[tuple[int, int]],
) -> None:
    said: dict[int, int] = {}
    for sequence, rappen in deliveries:
        said.setdefault(sequence, rappen)
    standing = acquitted()
    for sequence, _ in deliveries:
        standing = moved(standing, str(Money(said[sequence])), sequence=sequence)
    assert standing.balance.total.rappen == said[max(said)]
    assert standing.ledger_sequence == max(said)


def test_an_acquittal_after_a_later_statement_leaves_the_positions_alone() -> None:
    standing = moved(ordered(), "120.00", sequence=4, with_factor=False, factor_owes="7.00")
    late, outcome = standing.acquitted(FIRST, amount=FULL, sequence=3)
    assert outcome is Outcome.DONE
    assert late.state is InvoiceState.ACQUITTED
    assert late.factor_owes == Money.parse("7.00")
    assert late.ledger_sequence == 4


def test_the_factors_closing_word_counts_even_if_it_comes_before_the_acquittal() -> None:
    told = moved(
        ordered(), "0.00", sequence=1, with_factor=False, facts=(Fact("closed", None, DAY),)
    )
    assert told.state is InvoiceState.ORDERED
    assert told.acquitted(FIRST, amount=FULL, sequence=2)[0].state is InvoiceState.CLOSED


@pytest.mark.parametrize(
    ("principal", "facts", "paid"),
    [
        ("120.00", (), False),
        ("20.00", (payment("100.00"),), False),
        ("0.00", (payment("100.00"), payment("20.00")), True),
        ("0.00", (payment("100.00"), payment("20.00", "credit_note")), True),
        ("0.00", (payment("100.00"), payment("20.00", "write_off")), False),
        ("0.00", (payment("120.00", "write_off"),), False),
        ("0.00", (payment("120.00", "credit_note"),), False),
        ("120.00", (payment("120.00"), payment("120.00", "debtor_refund")), False),
        ("-5.00", (payment("125.00"),), True),
    ],
)
def test_paid_means_that_the_debtor_paid(
    principal: str, facts: tuple[Fact, ...], paid: bool
) -> None:
    assert moved(acquitted(), principal, facts=facts, sequence=2).paid is paid


@pytest.mark.parametrize("by", ["reversal", "undo"])
@pytest.mark.parametrize("kind", ["debtor_payment", "credit_note", "debtor_refund"])
def test_what_is_reversed_or_undone_counts_no_more(kind: str, by: str) -> None:
    before = moved(acquitted(), "0.00", facts=(payment("120.00"),), sequence=2)
    told = moved(before, "0.00", facts=(payment("30.00", kind),), sequence=3)
    undone = replace(payment("30.00", by), reverses=kind)
    after = moved(told, "0.00", facts=(undone,), sequence=4)
    assert (told.debtor_paid, told.credited) != (before.debtor_paid, before.credited)
    assert (after.debtor_paid, after.credited) == (before.debtor_paid, before.credited)


def test_zero_balance_paid_and_with_the_factor_are_three_facts() -> None:
    written_off = moved(acquitted(), "0.00", facts=(payment("120.00", "write_off"),), sequence=2)
    assert written_off.balance.total.is_zero
    assert written_off.with_factor
    assert not written_off.paid
    taken_back = moved(acquitted(), "120.00", sequence=2, with_factor=False)
    assert not taken_back.with_factor
    assert taken_back.balance_text() == "120.00"


def test_the_balance_is_the_sum_of_its_components() -> None:
    balance = DebtorBalance(Money(12000), Money(2000), Money(55), Money(3330))
    assert str(balance.total) == "173.85"


def given_back() -> Standing:
    return moved(acquitted(), "120.00", sequence=2, with_factor=False)


def ordered_again() -> Standing:
    return given_back().placed([FIRST.accepted(), SECOND])


def test_what_is_with_the_factor_stays_so_when_another_order_claims_to_have_it() -> None:
    for standing in (acquitted(), closed()):
        assert standing.placed([FIRST.accepted(), SECOND]) == standing


def test_what_was_given_back_has_no_asterisk_and_keeps_its_state_until_it_is_ordered() -> None:
    standing = given_back()
    assert (standing.state, standing.with_factor) == (InvoiceState.ACQUITTED, False)
    assert (standing.order_id, standing.given_back_by) == (ORDER, ORDER)
    assert standing.balance_text() == "120.00"
    assert standing.placed([FIRST.accepted()]) == standing


def test_what_was_given_back_goes_into_another_order_and_is_acquitted_there() -> None:
    standing = ordered_again()
    assert (standing.state, standing.order_id) == (InvoiceState.ORDERED, OTHER)
    assert standing.acquitted(FIRST, amount=FULL, sequence=1) == (standing, Outcome.ALREADY_DONE)
    again, outcome = standing.acquitted(SECOND, amount=FULL, sequence=3)
    assert outcome is Outcome.DONE
    assert (again.state, again.order_id, again.given_back_by) == ("acquitted", OTHER, None)
    assert (again.balance_text(), again.factor_owes) == ("120.00 *", FULL)


def test_the_acquittal_may_be_heard_of_while_it_still_stands_as_given_back() -> None:
    again, outcome = given_back().acquitted(SECOND, amount=FULL, sequence=3)
    assert (outcome, again.order_id, again.given_back_by) == (Outcome.DONE, OTHER, None)


@pytest.mark.parametrize(
    ("second", "code"), [(SECOND.refused("debtor-unknown"), "debtor-unknown"), (None, None)]
)
def test_a_second_order_that_comes_to_nothing_leaves_it_as_it_was_given_back(
    second: Placement | None, code: str | None
) -> None:
    back = given_back()
    again = back.placed([FIRST.accepted(), SECOND])
    standing = again.placed([FIRST.accepted(), second or SECOND.withdrawn()])
    assert standing == replace(back, refusal_code=code)


def test_a_recourse_that_was_reversed_puts_it_back_with_its_first_order() -> None:
    standing = moved(ordered_again(), "120.00", sequence=3, factor_owes="120.00")
    assert (standing.state, standing.order_id, standing.with_factor) == ("acquitted", ORDER, True)
    assert standing.given_back_by is None
    assert standing.placed([FIRST.accepted(), SECOND.accepted()]) == standing
    with pytest.raises(IllegalTransitionError):
        standing.acquitted(SECOND, amount=FULL, sequence=4)


def test_what_the_factor_had_closed_and_gave_back_is_not_closed_by_its_next_acquittal() -> None:
    back = moved(closed(), "120.00", sequence=3, with_factor=False)
    assert back.state is InvoiceState.CLOSED
    again = back.placed([FIRST.accepted(), SECOND]).acquitted(SECOND, amount=FULL, sequence=4)[0]
    assert (again.state, again.finished) == (InvoiceState.ACQUITTED, False)
    done = moved(again, "0.00", facts=(Fact("closed", None, DAY),), sequence=5)
    assert done.state is InvoiceState.CLOSED


def test_it_can_be_given_back_a_second_time() -> None:
    again = ordered_again().acquitted(SECOND, amount=FULL, sequence=3)[0]
    back = moved(again, "120.00", sequence=4, with_factor=False)
    assert back.given_back_by == OTHER
    assert back.placed([FIRST.accepted(), SECOND.accepted()]) == back
