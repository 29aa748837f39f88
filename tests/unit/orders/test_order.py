"""The order's state machine: facts in any order, never backwards, never surer than it is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from itertools import permutations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from services.orders.domain.errors import (
    IllegalMoveError,
    OrderMayHaveLeftError,
    OrderNotAcquittedError,
    WrongPackageError,
)
from services.orders.domain.order import (
    IN_FLIGHT,
    FactKind,
    Order,
    OrderState,
    Step,
    order_number,
)
from tests.unit.orders.builders import NOON, a_confirmation, an_order, evidence

Move = Callable[[Order], Step]


def _sent(order: Order, attempt: int = 1) -> Step:
    return order.sent(
        attempt=attempt,
        at=NOON + timedelta(minutes=attempt),
        reference=f"R-{attempt}",
        package_sha256=order.package.sha256,
    )


def _failed(order: Order, attempt: int = 1, *, left: bool) -> Step:
    return order.send_failed(
        attempt=attempt,
        at=NOON + timedelta(minutes=attempt),
        left=left,
        reason_code="timeout",
        next_attempt_at=None,
    )


def _arrived(order: Order) -> Step:
    return order.arrived(at=NOON + timedelta(hours=5), evidence=evidence())


def _confirmed(order: Order) -> Step:
    step = _arrived(order)
    return step.then(step.order.confirmed(at=NOON, confirmation=a_confirmation()))


def _acquitted(order: Order) -> Step:
    return order.acquitted(at=NOON)


def _refused(order: Order) -> Step:
    return order.refused(at=NOON, reason_code="unreadable")


def _asked(order: Order) -> Step:
    return order.ask_withdrawal(at=NOON, by="user-1")


def _withheld(order: Order) -> Step:
    return order.withheld(at=NOON + timedelta(seconds=5))


def _withdrawn(order: Order) -> Step:
    return _withheld(_asked(order).order)


def _closed(order: Order) -> Step:
    return order.closed(at=NOON, by="user-1")


def test_an_order_goes_from_prepared_to_acquitted() -> None:
    order = an_order()
    states = [order.state]
    for move in (_sent, _confirmed, _acquitted):
        order = move(order).order
        states.append(order.state)
    assert states == [
        OrderState.PREPARED,
        OrderState.SENT,
        OrderState.CONFIRMED,
        OrderState.ACQUITTED,
    ]


def test_an_arrival_alone_closes_the_gate_until_it_is_confirmed() -> None:
    order = _arrived(an_order()).order
    assert order.state is OrderState.ARRIVED
    assert order.state in IN_FLIGHT


def test_a_doubt_is_neither_a_sending_nor_a_failure() -> None:
    order = _failed(an_order(), left=True).order
    assert order.state is OrderState.UNKNOWN
    assert order.since == NOON + timedelta(minutes=1)


def test_an_attempt_that_did_not_leave_keeps_the_order_prepared_with_its_reason() -> None:
    order = _failed(an_order(), left=False).order
    assert order.state is OrderState.PREPARED
    assert order.facts[-1].kind is FactKind.NOT_SENT
    assert order.facts[-1].reason_code == "timeout"


def test_a_doubt_is_settled_by_the_same_attempt_only() -> None:
    doubtful = _failed(an_order(), 1, left=True).order
    assert _failed(doubtful, 2, left=False).order.state is OrderState.UNKNOWN
    assert _failed(doubtful, 1, left=False).order.state is OrderState.PREPARED


@pytest.mark.parametrize("kind", ["portal-status", "already-have-it", "person"])
def test_an_order_in_doubt_may_turn_out_to_have_arrived(kind: str) -> None:
    doubtful = _failed(an_order(), left=True).order
    step = doubtful.arrived(at=NOON, evidence=evidence(kind))
    assert step.order.state is OrderState.ARRIVED


@pytest.mark.parametrize("late", [_sent, lambda order: _failed(order, left=True), _arrived])
def test_what_comes_after_the_confirmation_is_already_done(late: Move) -> None:
    order = _confirmed(an_order()).order
    step = late(order)
    assert step.already_done
    assert step.order == order


def test_the_same_report_again_is_already_done() -> None:
    order = _sent(an_order()).order
    assert _sent(order).already_done
    assert _failed(order, left=False).already_done


def test_a_sending_of_other_bytes_is_not_believed() -> None:
    with pytest.raises(WrongPackageError) as refused:
        an_order().sent(attempt=1, at=NOON, reference="R", package_sha256="0" * 64)
    assert refused.value.code == "wrong-package"


@pytest.mark.parametrize(
    ("before", "move"),
    [
        (_refused, _arrived),
        (_refused, _acquitted),
        (_withdrawn, _arrived),
        (_withdrawn, _sent),
        (_withdrawn, _refused),
        (_withdrawn, _acquitted),
        (Step, _withheld),
        (lambda order: _sent(_asked(order).order), _withheld),
        (lambda order: _failed(_asked(order).order, left=True), _withheld),
        (_confirmed, _refused),
        (_arrived, _refused),
        (Step, _acquitted),
        (_sent, _acquitted),
    ],
)
def test_a_move_that_the_state_forbids_raises(before: Move, move: Move) -> None:
    order = before(an_order()).order
    with pytest.raises(IllegalMoveError):
        move(order)


def test_nothing_is_confirmed_before_it_has_arrived() -> None:
    for order in (an_order(), _sent(an_order()).order, _failed(an_order(), left=True).order):
        with pytest.raises(IllegalMoveError):
            order.confirmed(at=NOON, confirmation=a_confirmation())


def test_refusing_and_acquitting_twice_is_already_done() -> None:
    assert _refused(_refused(an_order()).order).already_done
    assert _acquitted(_acquitted(_confirmed(an_order()).order).order).already_done


def test_reports_on_attempts_lead_to_the_same_state_in_every_order() -> None:
    reports: list[Move] = [
        lambda order: _failed(order, 1, left=True),
        lambda order: _failed(order, 1, left=False),
        lambda order: _failed(order, 2, left=True),
        lambda order: _failed(order, 3, left=False),
    ]
    states = set()
    for arrangement in permutations(reports):
        order = an_order()
        for report in arrangement:
            order = report(order).order
        states.add(order.state)
    assert states == {OrderState.UNKNOWN}


def test_an_order_that_is_wanted_back_stays_in_flight_until_the_gateway_answers() -> None:
    order = _asked(an_order()).order
    assert (order.state, order.withdrawal_pending) == (OrderState.PREPARED, True)
    withdrawn = _withheld(order).order
    assert (withdrawn.state, withdrawn.withdrawal_pending) == (OrderState.WITHDRAWN, False)
    assert withdrawn.state not in IN_FLIGHT
    assert _withheld(withdrawn).already_done
    assert _asked(withdrawn).already_done


def test_a_failed_attempt_does_not_stand_in_the_way_of_a_withdrawal() -> None:
    order = _failed(_asked(_failed(an_order(), 1, left=False).order).order, 2, left=False).order
    assert _withheld(order).order.state is OrderState.WITHDRAWN


@pytest.mark.parametrize(
    "before",
    [
        _sent,
        _confirmed,
        _refused,
        lambda order: _failed(order, left=True),
        lambda order: _failed(_failed(order, left=True).order, left=False),
    ],
)
def test_what_may_have_left_cannot_be_wanted_back_even_when_the_doubt_is_settled(
    before: Move,
) -> None:
    with pytest.raises(OrderMayHaveLeftError):
        _asked(before(an_order()).order)


@pytest.mark.parametrize("news", [_sent, lambda order: _failed(order, left=True)])
def test_news_that_something_may_have_left_ends_the_wish(news: Move) -> None:
    order = news(_asked(an_order()).order).order
    assert not order.withdrawal_pending
    assert order.state in IN_FLIGHT


def test_only_an_acquitted_order_is_closed_and_once() -> None:
    with pytest.raises(OrderNotAcquittedError):
        _closed(_confirmed(an_order()).order)
    closed = _closed(_acquitted(_confirmed(an_order()).order).order).order
    assert closed.state is OrderState.CLOSED
    assert _closed(closed).already_done
    assert _acquitted(closed).already_done


def test_an_order_number_grows_beyond_four_digits_and_never_wraps() -> None:
    assert order_number(factor="CMD", year=2026, count=1) == "CMD-2026-0001"
    assert order_number(factor="CMD", year=2026, count=10_000) == "CMD-2026-10000"


_RANK = {
    OrderState.PREPARED: 0,
    OrderState.UNKNOWN: 0,
    OrderState.SENT: 1,
    OrderState.ARRIVED: 2,
    OrderState.CONFIRMED: 3,
    OrderState.ACQUITTED: 4,
    OrderState.CLOSED: 5,
    OrderState.REFUSED: 4,
    OrderState.WITHDRAWN: 4,
}
_attempts = st.integers(min_value=1, max_value=3)


class AnyReports(RuleBasedStateMachine):
    """Whatever the gateway and the books report, in any order and as often as they like."""

    def __init__(self) -> None:
        super().__init__()
        self.order = an_order()
        self.doubted: set[int] = set()
        self.not_sent: set[int] = set()
        self.sent_once = False
        self.arrived_once = False

    def _take(self, move: Move) -> bool:
        """Make the move if the order allows it; the facts only grow and the rank never falls."""
        before = self.order
        try:
            step = move(before)
        except (IllegalMoveError, OrderMayHaveLeftError, OrderNotAcquittedError):
            return False
        assert step.order.facts[: len(before.facts)] == before.facts
        assert step.already_done == (step.order == before)
        assert _RANK[step.order.state] >= _RANK[before.state]
        assert move(step.order).already_done, "the same report again changes nothing"
        self.order = step.order
        return not step.already_done

    @rule(attempt=_attempts)
    def doubt(self, attempt: int) -> None:
        if self._take(lambda order: _failed(order, attempt, left=True)):
            self.doubted.add(attempt)

    @rule(attempt=_attempts)
    def fail(self, attempt: int) -> None:
        if self._take(lambda order: _failed(order, attempt, left=False)):
            self.not_sent.add(attempt)

    @rule(attempt=_attempts)
    def send(self, attempt: int) -> None:
        self.sent_once |= self._take(lambda order: _sent(order, attempt))

    @rule()
    def arrive(self) -> None:
        was_refused = self.order.state in {OrderState.REFUSED, OrderState.WITHDRAWN}
        assert not (self._take(_confirmed) and was_refused)
        self.arrived_once |= not was_refused

    @rule()
    def refuse(self) -> None:
        changed = self._take(_refused)
        assert not (changed and self.arrived_once), "what has arrived is not refused afterwards"

    @rule()
    def acquit(self) -> None:
        changed = self._take(_acquitted)
        assert not changed or self.arrived_once, "no acquittal without arrival"

    @rule()
    def ask_back(self) -> None:
        self._take(_asked)

    @rule()
    def withhold(self) -> None:
        asked = self.order.withdrawal_pending
        changed = self._take(_withheld)
        assert not changed or asked, "nothing is withdrawn that nobody wanted back"
        left = self.doubted or self.sent_once or self.arrived_once
        assert not (changed and left), "what may have left is never withdrawn"

    @rule()
    def close(self) -> None:
        before = self.order.state
        changed = self._take(_closed)
        assert not changed or before is OrderState.ACQUITTED

    @invariant()
    def the_state_says_no_more_than_is_known(self) -> None:
        state = self.order.state
        if state in {OrderState.CONFIRMED, OrderState.ACQUITTED, OrderState.CLOSED}:
            assert self.arrived_once
            assert self.order.confirmation is not None
        if state is OrderState.SENT:
            assert self.sent_once
        if state is OrderState.UNKNOWN:
            assert self.doubted - self.not_sent
        if state is OrderState.PREPARED:
            assert not self.doubted - self.not_sent, "a doubt is never forgotten"

    @invariant()
    def the_gate_is_open_only_when_the_fate_is_known(self) -> None:
        if self.order.state not in IN_FLIGHT:
            kinds = {fact.kind for fact in self.order.facts}
            assert kinds & {FactKind.CONFIRMED, FactKind.REFUSED, FactKind.WITHDRAWN}


AnyReports.TestCase.settings = settings(max_examples=150, stateful_step_count=25, deadline=None)
TestAnyReports = AnyReports.TestCase
