"""The collection stage is a fold over facts by day and arrival, in whatever order they are told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import get_args
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.invoicing.domain.collection import (
    Collection,
    CollectionFact,
    CollectionStage,
    bears_on_collection,
    collection_of,
)
from services.invoicing.domain.invoice import InvoiceState
from services.invoicing.entrypoints.schemas.collection import Stage
from shared.kernel.money import Money

ORDER, EARLIER_ORDER, LATER_ORDER = uuid4(), uuid4(), uuid4()
FILE, OTHER_FILE = uuid4(), uuid4()
DAY = date(2026, 3, 2)
TAKEN_OVER = (
    CollectionFact("issued", DAY, 1),
    CollectionFact("ordered", DAY, 2, order_id=ORDER),
    CollectionFact("acquitted", DAY + timedelta(days=1), 3, order_id=ORDER),
)


def fact(kind: str, day: int, arrival: int | None = None, **more: object) -> CollectionFact:
    """Return a fact of so many days after the issue, learnt on that day."""
    given = CollectionFact(kind, DAY + timedelta(days=day), 100 + day)
    return replace(given, arrival=given.arrival if arrival is None else arrival, **more)  # type: ignore[arg-type]


def folded(*facts: CollectionFact, with_factor: bool = True) -> tuple[str, int, int]:
    """Return stage, reminder level, and days from the issue to "since", of an acquitted invoice."""
    found = of_acquitted([*TAKEN_OVER, *facts], with_factor=with_factor)
    return found.stage.value, found.reminder_level, (found.since - DAY).days


def of_acquitted(facts: Sequence[CollectionFact], *, with_factor: bool = True) -> Collection:
    return collection_of(
        InvoiceState.ACQUITTED, order_id=ORDER, with_factor=with_factor, facts=facts
    )


def before_the_factor(state: InvoiceState, *facts: CollectionFact) -> tuple[str, int]:
    order_id = ORDER if state is InvoiceState.ORDERED else None
    found = collection_of(state, order_id=order_id, with_factor=False, facts=facts)
    return found.stage.value, (found.since - DAY).days


def test_before_the_factor_has_it_the_stage_is_that_of_its_orders() -> None:
    issued = fact("issued", 0)
    assert before_the_factor(InvoiceState.ISSUED, issued) == ("not-ordered", 0)
    earlier = fact("ordered", 1, order_id=EARLIER_ORDER)
    refused = fact("refused", 3, order_id=EARLIER_ORDER)
    back = (issued, earlier, refused)
    assert before_the_factor(InvoiceState.ISSUED, *back) == ("not-ordered", 3)
    again = fact("ordered", 5, order_id=ORDER)
    assert before_the_factor(InvoiceState.ORDERED, *back, again) == ("in-order", 5)
    late_news = fact("ordered", 6, order_id=EARLIER_ORDER)
    assert before_the_factor(InvoiceState.ORDERED, issued, again, late_news) == ("in-order", 5)
    assert before_the_factor(InvoiceState.CANCELLED, issued, fact("cancelled", 9)) == (
        "cancelled",
        9,
    )


@pytest.mark.parametrize(
    ("kind", "stage"),
    [
        ("instalment_plan", "instalments"),
        ("deferral", "deferred"),
        ("dispute", "disputed"),
        ("debt_enforcement", "debt-enforcement"),
        ("recourse", "given-back"),
        ("write_off", "written-off"),
        ("closed", "closed"),
    ],
)
def test_what_the_factor_tells_is_the_stage_from_its_day_on(kind: str, stage: str) -> None:
    assert folded() == ("with-factor", 0, 1)
    told = folded(fact("reminder", 40, level=2), fact(kind, 60), with_factor=False)
    assert told == (stage, 2, 60)


def test_money_moves_no_stage() -> None:
    assert folded(fact("debtor_payment", 20, amount=Money(12000))) == ("with-factor", 0, 1)


def test_a_reminder_without_level_counts_on() -> None:
    reminders = (fact("reminder", 30), fact("reminder", 60))
    assert folded(*reminders) == ("reminded", 2, 60)
    assert folded(fact("reminder", 20, level=2), fact("reminder", 60)) == ("reminded", 3, 60)
    assert folded(fact("reminder", 20, level=1), fact("reminder", 60, level=1)) == (
        "reminded",
        1,
        20,
    )


def test_what_is_learnt_late_stands_where_it_happened() -> None:
    plan, late = fact("instalment_plan", 60, 100), fact("reminder", 40, 200, level=1)
    assert folded(plan, late) == ("instalments", 1, 60)


def test_of_one_day_what_arrived_last_holds() -> None:
    plan, reminder = fact("instalment_plan", 60, 100), fact("reminder", 60, 101, level=1)
    assert folded(plan, reminder)[0] == "reminded"
    assert folded(replace(plan, arrival=102), reminder)[0] == "instalments"


def test_how_it_ended_is_not_overwritten_by_what_follows() -> None:
    recourse = fact("recourse", 80, amount=Money(12000))
    later = (fact("closed", 81), fact("reminder", 90, level=3))
    assert folded(recourse, *later, with_factor=False) == ("given-back", 0, 80)
    lost = fact("write_off", 95, amount=Money(12000))
    assert folded(recourse, *later, lost, with_factor=False) == ("written-off", 0, 95)
    assert folded(fact("closed", 50), fact("dispute", 60)) == ("closed", 0, 50)


def test_a_reversal_takes_away_the_fact_of_its_amount() -> None:
    losses = (
        fact("write_off", 50, amount=Money(5000)),
        fact("write_off", 60, amount=Money(7000)),
    )
    one = fact("reversal", 70, amount=Money(5000), reverses="write_off")
    other = fact("reversal", 71, amount=Money(7000), reverses="write_off")
    assert folded(*losses, one) == ("written-off", 0, 60)
    assert folded(*losses, other) == ("written-off", 0, 50)
    assert folded(*losses, one, other) == ("with-factor", 0, 1)


def test_undoing_a_file_takes_away_what_that_file_told() -> None:
    first = fact("reminder", 30, level=1, deb_file_id=FILE)
    second = fact("reminder", 60, level=2, deb_file_id=OTHER_FILE)
    undone = fact("undo", 90, reverses="reminder", deb_file_id=FILE)
    assert folded(first, second, undone) == ("reminded", 2, 60)
    assert folded(first, second, replace(undone, deb_file_id=OTHER_FILE)) == ("reminded", 1, 30)


def test_a_recourse_does_not_hold_while_the_factor_has_the_invoice() -> None:
    recourse = fact("recourse", 80)
    assert folded(fact("reminder", 40, level=1), recourse) == ("reminded", 1, 40)


def test_only_what_can_move_the_stage_is_folded_anew() -> None:
    for kind in ("ordered", "refused", "withdrawn", "acquitted", "cancelled", "reminder", "closed"):
        assert bears_on_collection(kind, None), kind
    assert bears_on_collection("undo", "reminder")
    assert bears_on_collection("reversal", "recourse")
    for kind in ("issued", "printed", "arrived", "debtor_payment", "reversal"):
        assert not bears_on_collection(kind, None), kind
    assert not bears_on_collection("reversal", "debtor_payment")


def test_the_api_knows_every_stage() -> None:
    assert set(get_args(Stage)) == {stage.value for stage in CollectionStage}


KINDS = ["reminder", "instalment_plan", "deferral", "dispute", "debt_enforcement", "recourse"]
FACTS = st.builds(
    CollectionFact,
    kind=st.sampled_from([*KINDS, "write_off", "closed", "debtor_payment", "undo", "reversal"]),
    occurred_on=st.dates(DAY, DAY + timedelta(days=60)),
    arrival=st.just(0),
    amount=st.none() | st.sampled_from([Money(5000), Money(7000)]),
    level=st.none() | st.integers(1, 3),
    reverses=st.none() | st.sampled_from(KINDS),
    deb_file_id=st.sampled_from([FILE, OTHER_FILE]),
)


@given(st.lists(FACTS, max_size=8), st.booleans(), st.data())
def test_the_order_in_which_facts_are_given_does_not_matter(
    facts: list[CollectionFact], with_factor: bool, data: st.DataObject
) -> None:
    numbered = [replace(one, arrival=place) for place, one in enumerate(facts, start=10)]
    shuffled = data.draw(st.permutations([*TAKEN_OVER, *numbered]))
    expected = of_acquitted([*TAKEN_OVER, *numbered], with_factor=with_factor)
    assert of_acquitted(shuffled, with_factor=with_factor) == expected


@given(st.lists(FACTS, max_size=8, unique_by=lambda one: one.occurred_on), st.data())
def test_the_order_of_arrival_does_not_matter_to_facts_of_different_days(
    facts: list[CollectionFact], data: st.DataObject
) -> None:
    told = [replace(one, arrival=place) for place, one in enumerate(facts, start=10)]
    otherwise = [
        replace(one, arrival=place)
        for place, one in enumerate(data.draw(st.permutations(facts)), start=10)
    ]
    assert of_acquitted([*TAKEN_OVER, *told]) == of_acquitted([*TAKEN_OVER, *otherwise])


def test_an_invoice_that_the_factor_took_over_anew_begins_anew() -> None:
    before = (fact("reminder", 5), fact("recourse", 8), fact("ordered", 9, order_id=LATER_ORDER))
    again = fact("acquitted", 10, order_id=LATER_ORDER)
    facts = [*TAKEN_OVER, *before, again]

    def found(*more: CollectionFact) -> tuple[str, int, int]:
        one = collection_of(
            InvoiceState.ACQUITTED, order_id=LATER_ORDER, with_factor=True, facts=[*facts, *more]
        )
        return one.stage.value, one.reminder_level, (one.since - DAY).days

    assert found() == ("with-factor", 0, 10)
    assert found(fact("reminder", 12)) == ("reminded", 1, 12)
    ordered = collection_of(
        InvoiceState.ORDERED, order_id=LATER_ORDER, with_factor=False, facts=facts[:-1]
    )
    assert (ordered.stage.value, ordered.since) == ("in-order", DAY + timedelta(days=9))


def test_a_second_recourse_gives_it_back_again() -> None:
    facts = [
        *TAKEN_OVER,
        fact("recourse", 8),
        fact("acquitted", 10, order_id=LATER_ORDER),
        fact("recourse", 14),
    ]
    found = collection_of(
        InvoiceState.ACQUITTED, order_id=LATER_ORDER, with_factor=False, facts=facts
    )
    assert (found.stage.value, found.since) == ("given-back", DAY + timedelta(days=14))
