"""The circuit breaker's rules, and what they mean for sends, asks and looks."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest

from services.debident_gateway.domain.answers import Accepted, InDoubt, NotSent, SendOutcome
from services.debident_gateway.domain.circuit import (
    ANSWERED,
    Circuit,
    CircuitScope,
    blamed,
    code_of,
)
from services.debident_gateway.domain.events import PortalIsReachable, PortalIsUnreachable
from services.debident_gateway.domain.model import DebCursor, PortalAddress
from services.debident_gateway.domain.schedule import CircuitPolicy, RetrySchedule
from services.debident_gateway.domain.transmission import Move, TransmissionState
from services.debident_gateway.handlers.ask_about_order import AskAboutOrder, ask_about_order
from services.debident_gateway.handlers.fetch_deb_files import FetchDebFiles, fetch_deb_files
from services.debident_gateway.handlers.guard import admit, report
from services.debident_gateway.handlers.send_order import SendOrder, send_order
from services.debident_gateway.handlers.set_portal_credentials import (
    SetPortalCredentials,
    set_portal_credentials,
)
from tests.unit.debident_gateway.builders import (
    CONTRACT,
    NOW,
    ORDER,
    OTHER_PRACTICE,
    POLICY,
    PRACTICE,
)
from tests.unit.debident_gateway.fakes import Bench, a_bench

AT = PortalAddress("http", "portal.invalid:443")
STRICT = replace(
    POLICY,
    circuit=CircuitPolicy(
        failures_max=2,
        pause=RetrySchedule(first=timedelta(minutes=1), slow=timedelta(minutes=15)),
    ),
)


def fail(circuit: Circuit, *, now: datetime = NOW, is_probe: bool = False) -> bool:
    """Note a failure; the pauses are 1, 2, 3, ... minutes."""
    return circuit.note_failure(
        "time-out",
        is_probe=is_probe,
        now=now,
        failures_max=3,
        pause=lambda count: timedelta(minutes=count),
        outage_id=uuid4(),
    )


def an_open_circuit() -> Circuit:
    """A circuit that three failures have just opened."""
    circuit = Circuit(AT)
    assert [fail(circuit) for _ in range(3)] == [False, False, True]
    return circuit


def test_failures_in_a_row_open_it_and_an_answer_between_them_does_not() -> None:
    circuit = Circuit(AT)
    fail(circuit)
    fail(circuit)
    circuit.note_answer()
    assert circuit == Circuit(AT)
    assert [fail(circuit) for _ in range(3)] == [False, False, True]
    assert circuit.held_until(NOW) == NOW + timedelta(minutes=1)


def test_after_the_pause_one_probe_is_let_through_and_others_wait_for_it() -> None:
    circuit = an_open_circuit()
    later = NOW + timedelta(minutes=1)
    assert circuit.held_until(later) is None
    circuit.begin_probe(until=later + timedelta(seconds=90))
    assert circuit.held_until(later) == later + timedelta(seconds=90)
    assert circuit.held_until(later + timedelta(seconds=90)) is None, "the probe did not come back"


def test_a_probe_that_fails_makes_the_next_pause_longer() -> None:
    circuit = an_open_circuit()
    later = NOW + timedelta(minutes=1)
    circuit.begin_probe(until=later + timedelta(seconds=90))
    assert not fail(circuit, now=later, is_probe=True), "it is the same outage"
    assert circuit.held_until(later) == later + timedelta(minutes=2)


def test_a_late_failure_of_a_call_from_before_says_nothing_new() -> None:
    circuit = an_open_circuit()
    before = replace(circuit)
    assert not fail(circuit, now=NOW + timedelta(seconds=30))
    assert circuit == before


@pytest.mark.parametrize(
    ("code", "scope"),
    [
        ("could-not-connect", CircuitScope.PORTAL),
        ("portal-unavailable", CircuitScope.PORTAL),
        ("time-out", CircuitScope.PORTAL),
        ("connection-lost", CircuitScope.PORTAL),
        ("unexpected-answer-502", CircuitScope.PORTAL),
        ("portal-refused-credentials", CircuitScope.ACCOUNT),
        ("portal-refused-token", CircuitScope.ACCOUNT),
        ("portal-host-key-changed", CircuitScope.ACCOUNT),
        ("portal-limits-account", CircuitScope.ACCOUNT),
        ("unexpected-answer-429", CircuitScope.ACCOUNT),
        ("unexpected-answer-503", CircuitScope.PORTAL),
        ("unexpected-answer-404", None),
        ("unreadable-answer", None),
        ("portal-has-other-content", None),
        (ANSWERED, None),
    ],
)
def test_what_a_code_speaks_against(code: str, scope: CircuitScope | None) -> None:
    assert blamed(code) is scope


def test_a_send_that_the_portal_took_is_an_answer_and_a_doubt_has_its_code() -> None:
    assert code_of(Accepted("R")) == ANSWERED
    assert code_of(NotSent("could-not-connect")) == "could-not-connect"
    assert code_of(InDoubt("time-out")) == "time-out"


async def _send(bench: Bench) -> SendOutcome | None:
    return await send_order(
        SendOrder(ORDER, PRACTICE),
        bench.uow,
        bench.portal,
        bench.documents,
        clock=bench.clock,
        policy=STRICT,
    )


async def _ask(bench: Bench) -> TransmissionState | None:
    return await ask_about_order(
        AskAboutOrder(ORDER, PRACTICE),
        bench.uow,
        bench.portal,
        bench.documents,
        clock=bench.clock,
        policy=STRICT,
    )


async def _break(bench: Bench, code: str = "time-out", practice_id: UUID = PRACTICE) -> None:
    """Let two calls fail."""
    for _ in range(2):
        admission = await admit(AT, practice_id, bench.uow, now=bench.clock.now(), policy=STRICT)
        await report(admission, code, bench.uow, clock=bench.clock, policy=STRICT)


async def test_while_it_is_open_a_send_waits_and_counts_as_no_attempt() -> None:
    bench = a_bench()
    await _break(bench)
    assert await _send(bench) is None
    order = bench.order
    assert (order.state, order.attempts, order.failures) == (TransmissionState.INTENDED, 0, 0)
    assert order.waits_for_portal
    assert order.next_action_at > NOW
    assert bench.portal.orders == {}


async def test_an_outage_is_told_once_to_every_practice_and_so_is_its_end() -> None:
    bench = a_bench()
    bench.portal.unavailable = 4
    for _ in range(4):
        bench.pass_to_next_action()
        await _send(bench)
    unreachable = [each for each in bench.uow.events if isinstance(each, PortalIsUnreachable)]
    assert [each.practice_id for each in unreachable] == [PRACTICE, OTHER_PRACTICE]
    assert {(each.scope, each.reason_code, each.failures) for each in unreachable} == {
        (CircuitScope.PORTAL, "portal-unavailable", 2)
    }
    while bench.order.state is TransmissionState.INTENDED:
        bench.pass_to_next_action()
        await _send(bench)
    reachable = [each for each in bench.uow.events if isinstance(each, PortalIsReachable)]
    assert [each.practice_id for each in reachable] == [PRACTICE, OTHER_PRACTICE]
    assert {each.outage_id for each in reachable} == {each.outage_id for each in unreachable}
    assert bench.uow.circuits.released == [(AT, None)]
    assert bench.order.state is TransmissionState.SENT


async def test_who_leaves_a_silent_portal_is_told_once_and_not_again_when_it_answers() -> None:
    bench = a_bench()
    await _break(bench, "portal-refused-credentials")
    await _break(bench)
    elsewhere = await admit(
        PortalAddress("http", "new.invalid:443"), PRACTICE, bench.uow, now=NOW, policy=STRICT
    )
    await report(elsewhere, ANSWERED, bench.uow, clock=bench.clock, policy=STRICT)
    await report(elsewhere, ANSWERED, bench.uow, clock=bench.clock, policy=STRICT)
    assert sorted(_ends(bench)) == [
        (PRACTICE, CircuitScope.ACCOUNT, True),
        (PRACTICE, CircuitScope.PORTAL, True),
    ]
    assert bench.uow.circuits.rows[AT, PRACTICE].is_calm
    assert bench.uow.circuits.rows[AT, None].is_open, "it is silent for the others"
    bench.clock.pass_by(minutes=2)
    probe = await admit(AT, OTHER_PRACTICE, bench.uow, now=bench.clock.now(), policy=STRICT)
    await report(probe, ANSWERED, bench.uow, clock=bench.clock, policy=STRICT)
    assert _ends(bench)[2:] == [(OTHER_PRACTICE, CircuitScope.PORTAL, False)]


def _ends(bench: Bench) -> list[tuple[UUID, CircuitScope, bool]]:
    ends = [each for each in bench.uow.events if isinstance(each, PortalIsReachable)]
    return [(each.practice_id, each.scope, each.left) for each in ends]


async def test_the_gateway_calls_less_than_it_would_without_the_circuit() -> None:
    bench = a_bench()
    bench.portal.unavailable = 1000
    for _ in range(60):
        bench.clock.pass_by(seconds=10)
        await _send(bench)
    assert 1000 - bench.portal.unavailable == bench.order.attempts
    assert bench.order.attempts <= 6, "two, and then probes after growing pauses"


async def test_a_doubt_stays_a_doubt_whatever_the_circuit_does() -> None:
    bench = a_bench()
    bench.portal.lost_answers = 1
    await _send(bench)
    await _break(bench)
    bench.pass_to_next_action()
    assert await _ask(bench) is None
    order = bench.order
    assert (order.state, order.reason_code) == (TransmissionState.UNKNOWN, "connection-lost")
    assert (order.waits_for_portal, order.polls, order.failures) == (True, 0, 1)
    bench.pass_to_next_action()
    assert await _ask(bench) is TransmissionState.SENT
    assert bench.uow.circuits.rows[AT, None].is_calm


async def test_refused_credentials_close_the_account_of_this_practice_only() -> None:
    bench = a_bench()
    bench.uow.credentials.rows[PRACTICE] = ("client-a", "wrong")
    for _ in range(3):
        bench.pass_to_next_action()
        await _send(bench)
    assert bench.order.attempts == 2
    told = [each for each in bench.uow.events if isinstance(each, PortalIsUnreachable)]
    assert [(each.practice_id, each.scope) for each in told] == [(PRACTICE, CircuitScope.ACCOUNT)]
    others = await admit(AT, OTHER_PRACTICE, bench.uow, now=bench.clock.now(), policy=STRICT)
    assert others.held_until is None


async def test_credentials_entered_anew_are_tried_at_once() -> None:
    bench = a_bench()
    await _break(bench, "portal-refused-credentials")
    held = await admit(AT, PRACTICE, bench.uow, now=NOW, policy=STRICT)
    assert held.held_until is not None
    command = SetPortalCredentials(PRACTICE, "client-a", "s3cret", "")
    await set_portal_credentials(command, bench.uow, bench.clock)
    probe = await admit(AT, PRACTICE, bench.uow, now=NOW, policy=STRICT)
    assert (probe.held_until, probe.probes) == (None, frozenset({CircuitScope.ACCOUNT}))


async def test_a_refused_access_proves_that_the_portal_itself_is_there() -> None:
    bench = a_bench()
    await _break(bench)
    bench.clock.pass_by(minutes=2)
    probe = await admit(AT, PRACTICE, bench.uow, now=bench.clock.now(), policy=STRICT)
    await report(probe, "portal-refused-credentials", bench.uow, clock=bench.clock, policy=STRICT)
    assert bench.uow.circuits.rows[AT, None].is_calm


async def test_no_files_are_looked_for_while_it_is_open() -> None:
    bench = a_bench()
    bench.uow.deb_files.cursors[CONTRACT] = DebCursor(PRACTICE, CONTRACT, 0, NOW)
    await _break(bench)
    fetched = await fetch_deb_files(
        FetchDebFiles(CONTRACT, PRACTICE),
        bench.uow,
        bench.portal,
        bench.documents,
        clock=bench.clock,
        policy=STRICT,
    )
    cursor = bench.uow.deb_files.cursors[CONTRACT]
    assert (fetched, cursor.problem) == (0, "portal-unreachable")
    assert cursor.next_poll_at == bench.uow.circuits.rows[AT, None].next_probe_at


async def test_what_fails_before_the_call_says_nothing_of_the_portal() -> None:
    bench = a_bench()
    bench.documents.down = True
    for _ in range(4):
        bench.pass_to_next_action()
        await _send(bench)
    assert bench.order.attempts == 4
    assert bench.uow.circuits.rows == {}


def test_only_an_order_that_waits_or_is_asked_about_can_be_put_off() -> None:
    order = a_bench().order
    assert order.put_off(until=NOW) is Move.MADE
    order.begin_attempt(lease_until=NOW)
    assert not order.waits_for_portal
