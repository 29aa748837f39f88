"""Withdrawing on PostgreSQL: whichever of sending and withholding comes first, only one happens."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from services.debident_gateway.adapters.debident_fake import FakeDebidentPortal
from services.debident_gateway.domain.answers import SendOutcome
from shared.contracts.orders.v1 import OrderWithdrawalRequested
from shared.db.engine import Database
from shared.db.scope import Scope
from shared.kernel.errors import PermanentError, TooEarlyError
from shared.objectstore import open_object_store
from shared.testing import FrozenClock
from tests.integration.debident_gateway.office import Office
from tests.support.web import api_client


def _wanted_back(office: Office, order_id: UUID) -> OrderWithdrawalRequested:
    return OrderWithdrawalRequested(
        practice_id=office.practice_id,
        order_id=order_id,
        contract_id=office.contract_id,
        requested_at=office.clock.now(),
    )


async def _names(office: Office) -> list[str]:
    return [name for name, _ in await office.told()]


class SlowPortal(FakeDebidentPortal):
    """A portal whose call lasts until the test lets it end."""

    def __init__(self, **named: Any) -> None:
        super().__init__(**named)
        self.called, self.go_on = asyncio.Event(), asyncio.Event()

    async def send_order(self, *args: Any, **named: Any) -> SendOutcome:
        self.called.set()
        await self.go_on.wait()
        return await super().send_order(*args, **named)


@pytest.fixture
def slow(office: Office) -> SlowPortal:
    """The portal of an office whose calls last."""
    return SlowPortal(clients={"client-of-CMD-4711": ("s3cret", "CMD-4711")})


@pytest.fixture
def busy(database: Database, clock: FrozenClock, slow: SlowPortal) -> Office:
    """A gateway whose portal is slow."""
    return Office(database, clock, open_object_store("memory:", key=bytes(32)), slow)


async def test_an_order_that_waits_is_withheld_and_never_sent(
    office: Office, portal: FakeDebidentPortal
) -> None:
    await office.open()
    order_id = await office.order()
    event = _wanted_back(office, order_id)
    for _ in range(2):
        await office.receive(event)
    await office.ticks.send_orders()
    assert portal.orders == {}
    assert await office.state(order_id) == ("withdrawn", None)
    assert await _names(office) == ["order-withheld"]
    second = await office.order()
    await office.ticks.send_orders()
    assert (await office.state(second))[0] == "sent", "the next order is not held back"


async def test_a_wish_while_the_bytes_are_leaving_changes_nothing_and_the_order_goes_on(
    busy: Office, slow: SlowPortal
) -> None:
    await busy.open()
    order_id = await busy.order()
    sending = asyncio.create_task(busy.ticks.send_orders())
    await slow.called.wait()
    await busy.receive(_wanted_back(busy, order_id))
    assert await busy.state(order_id) == ("sending", None)
    slow.go_on.set()
    await sending
    assert await busy.state(order_id) == ("sent", None)
    assert await _names(busy) == ["order-sent"]


async def test_a_wish_during_an_attempt_that_fails_is_fulfilled_when_it_has_failed(
    busy: Office, slow: SlowPortal, clock: FrozenClock
) -> None:
    await busy.open()
    order_id = await busy.order()
    slow.unavailable = 1
    sending = asyncio.create_task(busy.ticks.send_orders())
    await slow.called.wait()
    await busy.receive(_wanted_back(busy, order_id))
    slow.go_on.set()
    await sending
    assert await busy.state(order_id) == ("withdrawn", None)
    told = await busy.told()
    assert [name for name, _ in told] == ["order-send-failed", "order-withheld"]
    assert told[0][1]["next_attempt_at"] is None, "no further attempt is announced"


@pytest.mark.parametrize("fault", ["lost_answers", "dropped_requests"])
async def test_a_wish_during_an_attempt_that_ends_in_doubt_is_not_fulfilled(
    busy: Office, slow: SlowPortal, clock: FrozenClock, fault: str
) -> None:
    await busy.open()
    order_id = await busy.order()
    setattr(slow, fault, 1)
    sending = asyncio.create_task(busy.ticks.send_orders())
    await slow.called.wait()
    await busy.receive(_wanted_back(busy, order_id))
    slow.go_on.set()
    await sending
    clock.advance(busy.workshop.policy.doubt_settle)
    await busy.ticks.ask_about_orders()
    assert (await busy.state(order_id))[0] in {"sent", "intended"}
    assert "order-withheld" not in await _names(busy)


async def test_a_wish_after_the_sending_is_passed_over(
    office: Office, portal: FakeDebidentPortal
) -> None:
    await office.open()
    order_id = await office.order()
    await office.ticks.send_orders()
    await office.receive(_wanted_back(office, order_id))
    assert await office.state(order_id) == ("sent", None)
    assert await _names(office) == ["order-sent"]


async def test_an_attempt_waits_behind_a_withdrawal_that_holds_the_row(
    office: Office, portal: FakeDebidentPortal
) -> None:
    await office.open()
    order_id = await office.order()
    scope = Scope.of(office.practice_id)
    async with office.database.transaction(scope) as connection:
        await connection.execute(
            text("SELECT 1 FROM transmission WHERE order_id = :id FOR UPDATE"), {"id": order_id}
        )
        await office.ticks.send_orders()
        assert (await office.state(order_id))[0] == "intended", "it is not begun meanwhile"
    await office.receive(_wanted_back(office, order_id))
    await office.ticks.send_orders()
    assert portal.orders == {}


async def test_of_a_sending_and_a_withdrawal_at_the_same_moment_exactly_one_happens(
    office: Office, portal: FakeDebidentPortal
) -> None:
    await office.open()
    for round_number in range(12):
        order_id = await office.order()
        work = [office.receive(_wanted_back(office, order_id)), office.ticks.send_orders()]
        await asyncio.gather(*(work if round_number % 2 else reversed(work)))
        await office.ticks.send_orders()
        state, _ = await office.state(order_id)
        reached = any(key[1] == order_id for key in portal.orders)
        assert (state, reached) in {("withdrawn", False), ("sent", True)}
        told = [name for name, body in await office.told() if body["order_id"] == str(order_id)]
        assert told == (["order-sent"] if reached else ["order-withheld"])
        if reached:
            portal.let_everything_arrive()
            office.clock.advance(office.workshop.policy.lease * 1000)  # type: ignore[attr-defined]
            await office.ticks.ask_about_orders()


async def test_a_wish_waits_for_its_order(office: Office) -> None:
    await office.open()
    event = await office.prepare()
    with pytest.raises(TooEarlyError) as early:
        await office.receive(_wanted_back(office, event.order_id))
    assert early.value.waits_for == str(event.order_id)


async def test_a_person_cannot_confirm_what_was_withdrawn(office: Office) -> None:
    await office.open()
    event = await office.prepare()
    await office.receive(event)
    await office.receive(_wanted_back(office, event.order_id))
    with pytest.raises(PermanentError, match="illegal-transmission-move"):
        await office.receive(office.confirmed_by_person(event))


async def test_the_table_refuses_to_call_withdrawn_what_may_have_left(office: Office) -> None:
    await office.open()
    order_id = await office.order()
    await office.ticks.send_orders()
    with pytest.raises(IntegrityError, match="withdrawn_has_never_left"):
        await office.rows(
            "UPDATE transmission SET state = 'withdrawn', settled_at = now(),"
            " withdrawal_asked = true WHERE order_id = :id RETURNING 1",
            id=order_id,
        )


async def test_a_person_lets_the_same_bytes_leave_again_after_the_portal_lost_them(
    office: Office, portal: FakeDebidentPortal, clock: FrozenClock
) -> None:
    await office.open()
    order_id = await office.order()
    await office.ticks.send_orders()
    path = f"/v1/practices/{office.practice_id}/transmissions/{order_id}/resend"
    async with api_client(office.definition.endpoints, office.database, clock=clock) as client:
        api = client.as_user()
        assert (await api.post(path))[0] == 409, "what the portal has is not sent again"
        sent = portal.orders.pop(("CMD-4711", order_id))
        clock.advance(office.workshop.policy.lease * 1000)
        await office.ticks.ask_about_orders()
        assert await office.state(order_id) == ("sent", "portal-lost-the-order")
        status, answer = await client.as_user().post(path)
    assert (status, answer["state"]) == (202, "intended")
    await office.ticks.send_orders()
    assert portal.orders["CMD-4711", order_id].package == sent.package
    assert (await office.state(order_id))[0] == "sent"
