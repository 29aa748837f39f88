"""Asking: an arrival is an answer about these very bytes and exactly these invoices."""

from __future__ import annotations

from datetime import timedelta

import pytest

from services.debident_gateway.domain.answers import AnsweredLine, Arrived
from services.debident_gateway.domain.errors import IllegalTransmissionMoveError
from services.debident_gateway.domain.events import OrderHasArrived
from services.debident_gateway.domain.transmission import Move, TransmissionState
from services.debident_gateway.handlers.ask_about_order import AskAboutOrder, ask_about_order
from services.debident_gateway.handlers.send_order import SendOrder, send_order
from services.debident_gateway.handlers.settle_by_person import SettleByPerson, settle_by_person
from shared.kernel.errors import TooEarlyError
from tests.unit.debident_gateway.builders import (
    ACCOUNT,
    NOW,
    ORDER,
    POLICY,
    PRACTICE,
    transmission,
)
from tests.unit.debident_gateway.fakes import Bench, a_bench


async def _sent(*invoice_numbers: str) -> Bench:
    bench = a_bench(*invoice_numbers)
    await send_order(
        SendOrder(ORDER, PRACTICE),
        bench.uow,
        bench.portal,
        bench.documents,
        clock=bench.clock,
        policy=POLICY,
    )
    bench.uow.events.clear()
    return bench


async def _ask(bench: Bench, *, wait: bool = True) -> TransmissionState | None:
    if wait:
        bench.pass_to_next_action()
    return await ask_about_order(
        AskAboutOrder(ORDER, PRACTICE),
        bench.uow,
        bench.portal,
        bench.documents,
        clock=bench.clock,
        policy=POLICY,
    )


async def test_nothing_is_asked_before_the_arrival_clock_allows_it() -> None:
    bench = await _sent()
    bench.clock.pass_by(hours=3, minutes=59)
    assert await _ask(bench, wait=False) is None
    bench.clock.pass_by(minutes=1)
    assert await _ask(bench, wait=False) is TransmissionState.SENT
    assert bench.order.next_action_at == bench.clock.now() + timedelta(minutes=15)
    assert bench.uow.transmissions.polls == [("received", None)]


async def test_an_arrival_is_told_once_with_its_refused_lines() -> None:
    bench = await _sent("2026-000001", "2026-000002")
    bench.portal.refused_lines = {"2026-000002": "address-unknown"}
    bench.portal.let_everything_arrive()
    assert await _ask(bench) is TransmissionState.ARRIVED
    assert await _ask(bench) is None
    [arrival] = bench.uow.events
    assert isinstance(arrival, OrderHasArrived)
    assert (arrival.accepted_count, arrival.refused_count) == (1, 1)
    assert arrival.evidence == "portal-status"
    assert arrival.lines.sha256 in bench.documents.stored


@pytest.mark.parametrize(
    ("numbers", "reason"),
    [
        (["2026-000001"], "answer-lacks-an-invoice"),
        (["2026-000001", "2026-000002", "2026-000003"], "answer-names-a-foreign-invoice"),
        (["2026-000001", "2026-000002", "2026-000002"], "answer-names-an-invoice-twice"),
    ],
)
async def test_an_answer_that_does_not_fit_the_order_is_no_arrival_and_is_asked_again(
    numbers: list[str], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = await _sent("2026-000001", "2026-000002")
    lines = tuple(AnsweredLine(number, accepted=True) for number in numbers)

    async def answer(*_: object) -> Arrived:
        return Arrived("ref", bench.order.package.sha256, NOW, lines)

    monkeypatch.setattr(type(bench.portal), "order_status", answer)
    assert await _ask(bench) is TransmissionState.SENT
    assert bench.order.reason_code == reason
    assert bench.order.next_action_at > bench.clock.now()
    assert bench.told == []


async def test_a_sent_order_that_the_portal_lost_is_not_sent_again_by_itself() -> None:
    bench = await _sent()
    bench.portal.orders.clear()
    assert await _ask(bench) is TransmissionState.SENT
    assert bench.order.reason_code == "portal-lost-the-order"
    assert bench.told == ["OrderIsHeld"], "a person is told, nothing is sent"


async def test_a_package_refused_on_arrival_is_told_as_refused() -> None:
    bench = await _sent()
    bench.portal.orders[ACCOUNT, ORDER].refusal_code = "wrong-total"
    assert await _ask(bench) is TransmissionState.REFUSED
    assert bench.told == ["OrderWasRefused"]


async def test_a_silent_portal_changes_nothing_but_the_next_time() -> None:
    bench = await _sent()
    bench.portal.unavailable = 1
    assert await _ask(bench) is TransmissionState.SENT
    assert bench.order.reason_code == "portal-unavailable"
    bench.portal.let_everything_arrive()
    assert await _ask(bench) is TransmissionState.ARRIVED


async def test_an_object_store_that_is_down_puts_the_arrival_off() -> None:
    bench = await _sent()
    bench.portal.let_everything_arrive()
    bench.documents.down = True
    assert await _ask(bench) is TransmissionState.SENT
    assert bench.told == []
    bench.documents.down = False
    assert await _ask(bench) is TransmissionState.ARRIVED


async def test_credentials_taken_away_put_the_asking_off_with_a_reason() -> None:
    bench = await _sent()
    bench.uow.credentials.rows.clear()
    assert await _ask(bench) is None
    assert bench.order.reason_code == "portal-credentials-missing"


async def test_an_arrival_confirmed_by_a_person_ends_sending_and_asking() -> None:
    bench = a_bench()
    command = SettleByPerson(ORDER, NOW)
    assert await settle_by_person(command, bench.uow, bench.clock) is Move.MADE
    assert await settle_by_person(command, bench.uow, bench.clock) is Move.ALREADY_MADE
    assert (bench.order.state, bench.order.evidence) == ("arrived", "person")
    assert await _ask(bench) is None
    assert bench.portal.orders == {}
    assert bench.told == []


async def test_a_persons_confirmation_of_an_unknown_or_refused_order_is_not_taken() -> None:
    bench = a_bench()
    bench.uow.transmissions.rows[ORDER] = transmission(state=TransmissionState.REFUSED)
    with pytest.raises(IllegalTransmissionMoveError):
        await settle_by_person(SettleByPerson(ORDER, NOW), bench.uow, bench.clock)
    bench.uow.transmissions.rows.clear()
    with pytest.raises(TooEarlyError):
        await settle_by_person(SettleByPerson(ORDER, NOW), bench.uow, bench.clock)
