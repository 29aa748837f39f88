"""Sending: intent first, one in flight, a doubt is asked about, and nothing is ever doubled."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from services.debident_gateway.adapters.debident_fake import FakeDebidentPortal
from services.debident_gateway.domain.answers import AlreadyHaveIt, InDoubt, NotSent, SendOutcome
from services.debident_gateway.domain.events import OrderHasArrived, OrderSendDidFail
from services.debident_gateway.domain.transmission import TransmissionState
from services.debident_gateway.handlers.abandon_attempt import AbandonAttempt, abandon_attempt
from services.debident_gateway.handlers.ask_about_order import AskAboutOrder, ask_about_order
from services.debident_gateway.handlers.send_order import SendOrder, send_order
from services.debident_gateway.handlers.set_portal_credentials import (
    SetPortalCredentials,
    set_portal_credentials,
)
from tests.unit.debident_gateway.builders import (
    ACCOUNT,
    CONTRACT,
    ORDER,
    POLICY,
    PRACTICE,
    SECOND_ORDER,
    access,
    content,
    package,
    terms,
    transmission,
)
from tests.unit.debident_gateway.fakes import Bench, a_bench


class PulledPlugError(BaseException):
    """The process ended here."""


class DyingPortal(FakeDebidentPortal):
    """Takes the order; then the process that sent it ends before it learns of that."""

    async def send_order(self, *args: Any, **named: Any) -> SendOutcome:
        await FakeDebidentPortal.send_order(self, *args, **named)
        raise PulledPlugError


async def _send(bench: Bench) -> SendOutcome | None:
    return await send_order(
        SendOrder(ORDER, PRACTICE),
        bench.uow,
        bench.portal,
        bench.documents,
        clock=bench.clock,
        policy=POLICY,
    )


async def _ask(bench: Bench) -> TransmissionState | None:
    bench.pass_to_next_action()
    return await ask_about_order(
        AskAboutOrder(ORDER, PRACTICE),
        bench.uow,
        bench.portal,
        bench.documents,
        clock=bench.clock,
        policy=POLICY,
    )


def _state(bench: Bench) -> str:
    return bench.order.state.value


def _uploads(bench: Bench) -> int:
    return bench.portal.orders[ACCOUNT, ORDER].uploads


async def test_an_accepted_order_is_sent_and_its_arrival_is_not_checked_too_early() -> None:
    bench = a_bench()
    await _send(bench)
    assert bench.order.state is TransmissionState.SENT
    assert bench.order.next_action_at == bench.clock.now() + timedelta(hours=4)
    assert bench.told == ["OrderWasSent"]
    assert CONTRACT in bench.uow.deb_files.cursors


async def test_sending_a_second_time_sends_nothing() -> None:
    bench = a_bench()
    await _send(bench)
    assert await _send(bench) is None
    assert _uploads(bench) == 1


async def test_an_order_that_is_not_known_is_left_alone() -> None:
    bench = a_bench()
    bench.uow.transmissions.rows.clear()
    assert await _send(bench) is None


async def test_a_network_error_is_never_treated_as_sent() -> None:
    bench = a_bench()
    bench.portal.unavailable = 1
    outcome = await _send(bench)
    assert isinstance(outcome, NotSent)
    assert bench.order.state is TransmissionState.INTENDED
    failure = bench.uow.events[0]
    assert isinstance(failure, OrderSendDidFail)
    assert (failure.outcome, failure.next_attempt_at) == ("not-sent", bench.order.next_action_at)


async def test_a_lost_answer_then_already_have_it_is_arrival_evidence() -> None:
    bench = a_bench()
    bench.portal.lost_answers = 1
    assert isinstance(await _send(bench), InDoubt)
    # The portal is asked at a bad moment and seems not to have it; the same bytes go again.
    held = bench.portal.orders.pop((ACCOUNT, ORDER))
    assert await _ask(bench) is TransmissionState.INTENDED
    bench.portal.orders[ACCOUNT, ORDER] = held
    bench.pass_to_next_action()
    assert isinstance(await _send(bench), AlreadyHaveIt)
    bench.portal.let_everything_arrive()
    assert await _ask(bench) is TransmissionState.ARRIVED
    arrival = bench.uow.events[-1]
    assert isinstance(arrival, OrderHasArrived)
    assert arrival.evidence == "already-have-it"


async def test_already_have_it_without_lines_is_no_arrival_yet() -> None:
    bench = a_bench()
    bench.portal.lost_answers = 1
    await _send(bench)
    assert await _ask(bench) is TransmissionState.SENT
    assert bench.told == ["OrderSendDidFail", "OrderWasSent"]


async def test_a_doubt_is_asked_about_before_anything_is_sent_again() -> None:
    bench = a_bench()
    bench.portal.lost_answers = 1
    await _send(bench)
    assert bench.order.state is TransmissionState.UNKNOWN
    bench.pass_to_next_action()
    assert await _send(bench) is None
    await _ask(bench)
    assert (bench.order.state, _uploads(bench)) == (TransmissionState.SENT, 1)


async def test_proven_absence_sends_the_same_bytes_again_and_settles_the_doubt() -> None:
    bench = a_bench()
    bench.portal.dropped_requests = 1
    await _send(bench)
    assert await _ask(bench) is TransmissionState.INTENDED
    bench.pass_to_next_action()
    await _send(bench)
    assert bench.order.state is TransmissionState.SENT
    failures = [event for event in bench.uow.events if isinstance(event, OrderSendDidFail)]
    assert [(event.attempt, event.outcome) for event in failures] == [
        (1, "unknown"),
        (1, "not-sent"),
    ]


async def test_a_crash_after_the_send_leaves_a_doubt_and_not_a_second_send() -> None:
    bench = a_bench()
    whole = bench.portal
    bench.portal = DyingPortal(clients=whole.clients, orders=whole.orders)
    with pytest.raises(PulledPlugError):
        await _send(bench)
    bench.portal = whole
    assert _state(bench) == "sending"
    assert await _send(bench) is None
    bench.clock.pass_by(seconds=POLICY.lease.total_seconds())
    await abandon_attempt(AbandonAttempt(ORDER), bench.uow, clock=bench.clock, policy=POLICY)
    assert _state(bench) == "unknown"
    assert await _ask(bench) is TransmissionState.SENT
    assert _uploads(bench) == 1


async def test_an_attempt_in_good_hands_is_not_abandoned() -> None:
    bench = a_bench()
    bench.uow.transmissions.rows[ORDER] = transmission(
        state=TransmissionState.SENDING,
        attempts=1,
        lease_until=bench.clock.now() + timedelta(seconds=1),
    )
    await abandon_attempt(AbandonAttempt(ORDER), bench.uow, clock=bench.clock, policy=POLICY)
    assert bench.order.state is TransmissionState.SENDING
    assert bench.told == []


async def test_an_order_waits_while_another_of_its_contract_may_be_at_the_portal() -> None:
    for state in (TransmissionState.SENDING, TransmissionState.UNKNOWN, TransmissionState.SENT):
        bench = a_bench()
        bench.uow.transmissions.rows[SECOND_ORDER] = transmission(
            order_id=SECOND_ORDER, state=state, attempts=1
        )
        assert await _send(bench) is None
        assert bench.portal.orders == {}


async def test_missing_credentials_hold_the_order_until_a_person_enters_them() -> None:
    bench = a_bench()
    bench.uow.credentials.rows.clear()
    assert await _send(bench) is None
    assert (bench.order.held, bench.order.reason_code) == (True, "portal-credentials-missing")
    assert (bench.order.attempts, bench.told) == (0, ["OrderIsHeld"])
    command = SetPortalCredentials(PRACTICE, "client-a", "s3cret", "")
    assert await set_portal_credentials(command, bench.uow, bench.clock) == 1
    await _send(bench)
    assert bench.order.state is TransmissionState.SENT


async def test_a_contract_without_machine_access_is_held_for_a_person() -> None:
    bench = a_bench()
    bench.uow.contracts.rows[CONTRACT] = terms(adapter="manual")
    assert await _send(bench) is None
    assert bench.order.reason_code == "contract-uses-manual"


async def test_a_refused_order_is_refused_and_told_once() -> None:
    bench = a_bench()
    bench.portal.refuse_orders_with = "account-closed"
    await _send(bench)
    assert await _send(bench) is None
    assert (bench.order.state, bench.order.reason_code) == ("refused", "account-closed")
    assert bench.told == ["OrderWasRefused"]


async def test_only_the_frozen_bytes_are_sent_and_a_damaged_package_never_leaves() -> None:
    bench = a_bench()
    bench.documents.stored.clear()
    outcome = await _send(bench)
    assert outcome == NotSent("package-damaged")
    bench.documents.keep(package())
    bench.documents.down = True
    bench.pass_to_next_action()
    assert await _send(bench) == NotSent("package-not-available")
    assert bench.portal.orders == {}


async def test_other_content_under_our_order_id_is_never_an_arrival() -> None:
    bench = a_bench()
    other = package("2026-999999")
    await bench.portal.send_order(access(), ORDER, other, sha256=content(other).sha256)
    bench.portal.let_everything_arrive()
    await _send(bench)
    assert await _ask(bench) is TransmissionState.UNKNOWN
    assert bench.order.reason_code == "portal-has-other-content"
    assert "OrderHasArrived" not in bench.told
