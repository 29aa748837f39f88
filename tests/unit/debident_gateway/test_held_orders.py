"""An order that waits for a person is told, once per reason, whatever it waits for."""

from __future__ import annotations

from typing import Any

import pytest

from services.debident_gateway.domain.answers import NotSent, SendOutcome
from services.debident_gateway.domain.circuit import CircuitScope, blamed
from services.debident_gateway.domain.events import OrderIsHeld
from services.debident_gateway.handlers.ask_about_order import AskAboutOrder, ask_about_order
from services.debident_gateway.handlers.send_order import SendOrder, send_order
from tests.unit.debident_gateway.builders import (
    ACCOUNT,
    CONTRACT,
    ORDER,
    POLICY,
    PRACTICE,
    package,
    terms,
)
from tests.unit.debident_gateway.fakes import Bench, a_bench


async def _send(bench: Bench) -> SendOutcome | None:
    bench.pass_to_next_action()
    return await send_order(
        SendOrder(ORDER, PRACTICE),
        bench.uow,
        bench.portal,
        bench.documents,
        clock=bench.clock,
        policy=POLICY,
    )


def _held_for(bench: Bench) -> list[str]:
    return [event.reason_code for event in bench.uow.events if isinstance(event, OrderIsHeld)]


async def test_missing_credentials_are_told_at_once_and_once() -> None:
    bench = a_bench()
    bench.uow.credentials.rows.clear()
    for _ in range(3):
        await _send(bench)
    assert _held_for(bench) == ["portal-credentials-missing"]


async def test_an_order_that_goes_by_hand_is_told_so_and_another_reason_is_told_too() -> None:
    bench = a_bench()
    bench.uow.contracts.rows[CONTRACT] = terms(adapter="manual")
    await _send(bench)
    bench.uow.contracts.rows[CONTRACT] = terms()
    bench.uow.credentials.rows.clear()
    await _send(bench)
    assert _held_for(bench) == ["contract-uses-manual", "portal-credentials-missing"]


async def test_a_damaged_package_is_told_once_however_often_it_is_tried() -> None:
    bench = a_bench()
    bench.documents.stored.clear()
    for _ in range(3):
        assert await _send(bench) == NotSent("package-damaged")
    assert _held_for(bench) == ["package-damaged"]
    assert bench.told.count("OrderSendDidFail") == 3


async def test_what_trying_again_may_mend_is_not_told() -> None:
    bench = a_bench()
    bench.documents.down = True
    await _send(bench)
    assert _held_for(bench) == []


async def test_a_server_that_is_another_one_is_told_and_is_the_accounts_fault(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = a_bench()

    async def another_server(*_: Any, **__: Any) -> SendOutcome:
        return NotSent("portal-host-key-changed")

    monkeypatch.setattr(type(bench.portal), "send_order", another_server)
    for _ in range(POLICY.circuit.failures_max):
        await _send(bench)
    assert _held_for(bench) == ["portal-host-key-changed"]
    assert blamed("portal-host-key-changed") is CircuitScope.ACCOUNT
    assert bench.told.count("PortalIsUnreachable") == 1


async def test_an_order_that_the_portal_lost_is_told_once() -> None:
    bench = a_bench()
    await _send(bench)
    bench.portal.orders.pop((ACCOUNT, ORDER))
    for _ in range(2):
        bench.pass_to_next_action()
        await ask_about_order(
            AskAboutOrder(ORDER, PRACTICE),
            bench.uow,
            bench.portal,
            bench.documents,
            clock=bench.clock,
            policy=POLICY,
        )
    assert _held_for(bench) == ["portal-lost-the-order"]


async def test_of_an_order_that_was_given_up_nothing_is_told() -> None:
    bench = a_bench()
    bench.documents.stored.clear()
    bench.order.withdrawal_asked = True
    await _send(bench)
    assert _held_for(bench) == []
    bench.documents.keep(package())
    assert bench.order.state == "withdrawn"
