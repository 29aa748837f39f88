"""The portal's answer must name each line of the order, once, and nothing else."""

from __future__ import annotations

import pytest

from services.orders.domain.arrival import REASON_NOT_STATED, match_arrival
from services.orders.domain.errors import ArrivalMismatchError
from services.orders.domain.model import Arrival, ArrivalAnswer, ConfirmedLine
from tests.unit.orders.builders import a_line, an_answer, an_arrival, an_order, other_id

LINES = [a_line(1, "A-1"), a_line(2, "A-2")]


def _match(arrival: Arrival, accepted: int, refused: int) -> tuple[ConfirmedLine, ...]:
    return match_arrival(an_order(), LINES, arrival, accepted_count=accepted, refused_count=refused)


def test_each_line_gets_its_verdict_in_package_order() -> None:
    lines = _match(an_arrival(an_answer("A-2", "debtor-unknown"), an_answer("A-1")), 1, 1)
    assert [(line.invoice_number, line.accepted, line.refusal_code) for line in lines] == [
        ("A-1", True, None),
        ("A-2", False, "debtor-unknown"),
    ]


def test_a_refusal_without_a_code_is_still_a_refusal() -> None:
    answers = (an_answer("A-1"), ArrivalAnswer("A-2", accepted=False))
    assert _match(an_arrival(*answers), 1, 1)[1].refusal_code == REASON_NOT_STATED


def test_a_code_on_an_accepted_line_does_not_refuse_it() -> None:
    answers = (an_answer("A-1"), ArrivalAnswer("A-2", accepted=True, refusal_code="note"))
    assert all(line.accepted for line in _match(an_arrival(*answers), 2, 0))


@pytest.mark.parametrize(
    ("answers", "counts", "words"),
    [
        ([an_answer("A-1")], (1, 0), "does not name A-2"),
        ([], (0, 0), "does not name A-1, A-2"),
        ([an_answer("A-1"), an_answer("A-2"), an_answer("A-3")], (3, 0), "not ordered: A-3"),
        ([an_answer("A-1"), an_answer("A-1"), an_answer("A-2")], (3, 0), "more than once: A-1"),
        ([an_answer("A-1"), an_answer("a-2")], (2, 0), "does not name A-2"),
        ([an_answer("A-1"), an_answer("A-2 ")], (2, 0), "does not name A-2"),
        ([an_answer("A-1"), an_answer("A-2", "x")], (2, 0), "it names 1 and 1"),
    ],
)
def test_an_answer_that_does_not_fit_confirms_nothing(
    answers: list[ArrivalAnswer], counts: tuple[int, int], words: str
) -> None:
    with pytest.raises(ArrivalMismatchError, match=words) as refused:
        _match(an_arrival(*answers), *counts)
    assert refused.value.code == "arrival-does-not-match"


def test_the_answer_to_another_order_confirms_nothing() -> None:
    arrival = an_arrival(an_answer("A-1"), an_answer("A-2"), order_id=other_id())
    with pytest.raises(ArrivalMismatchError, match="another order"):
        _match(arrival, 2, 0)


def test_many_missing_lines_are_counted_not_listed() -> None:
    lines = [a_line(place) for place in range(1, 9)]
    with pytest.raises(ArrivalMismatchError, match="2026-000005 and 3 more"):
        match_arrival(an_order(), lines, an_arrival(), accepted_count=0, refused_count=0)
