"""Dispatch on PostgreSQL: crashes, lost answers and two senders never send an order twice."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from services.debident_gateway.adapters.debident_fake import FakeDebidentPortal
from services.debident_gateway.domain.answers import SendOutcome
from services.debident_gateway.ports.portal import DebidentPortal
from shared.db.engine import Database
from shared.db.scope import Scope
from shared.kernel.errors import PermanentError, TooEarlyError
from shared.objectstore import open_object_store
from shared.testing import FrozenClock
from tests.integration.debident_gateway.office import ARRIVAL_CHECK_AFTER, Office

A_WHILE = timedelta(minutes=10)


class PulledPlugError(BaseException):
    """The process ended here."""


class DyingPortal(FakeDebidentPortal):
    """Lets the sending process die, before or after the portal has taken the order."""

    dies_before = False

    async def send_order(self, *args: Any, **named: Any) -> SendOutcome:
        if not self.dies_before:
            await FakeDebidentPortal.send_order(self, *args, **named)
        raise PulledPlugError


class DyingBeforePortal(DyingPortal):
    """The process dies before the first byte leaves."""

    dies_before = True


def _uploads(portal: FakeDebidentPortal) -> list[int]:
    return [order.uploads for order in portal.orders.values()]


async def test_an_order_is_sent_asked_about_and_arrives_with_one_event_each(
    office: Office, portal: FakeDebidentPortal, clock: FrozenClock
) -> None:
    await office.open()
    order_id = await office.order("2026-000001", "2026-000002")
    portal.refused_lines = {"2026-000002": "address-unknown"}
    assert await office.ticks.send_orders() == 1
    assert await office.ticks.ask_about_orders() == 0
    portal.let_everything_arrive()
    clock.advance(ARRIVAL_CHECK_AFTER)
    assert await office.ticks.ask_about_orders() == 1
    assert await office.state(order_id) == ("arrived", None)
    told = await office.told()
    assert [name for name, _ in told] == ["order-sent", "order-arrived"]
    arrived = told[1][1]
    assert (arrived["accepted_count"], arrived["refused_count"]) == (1, 1)
    assert arrived["evidence"]["kind"] == "portal-status"
    outbox = await office.rows("SELECT DISTINCT correlation_id FROM outbox")
    assert outbox == [{"correlation_id": "order-story"}]


async def test_the_same_prepared_order_twice_is_sent_once(
    office: Office, portal: FakeDebidentPortal
) -> None:
    await office.open()
    event = await office.prepare()
    await office.receive(event)
    await office.ticks.send_orders()
    await office.receive(event)
    await office.ticks.send_orders()
    assert _uploads(portal) == [1]
    assert await office.told_types() == ["order-sent"]


async def test_an_order_before_its_contract_waits_for_it(office: Office) -> None:
    event = await office.prepare()
    with pytest.raises(TooEarlyError):
        await office.receive(event)
    await office.open()
    await office.receive(event)
    assert (await office.state(event.order_id))[0] == "intended"


@pytest.mark.parametrize("dying", [DyingPortal, DyingBeforePortal])
async def test_a_crash_between_intent_and_outcome_is_asked_about_and_never_doubled(
    dying: type[DyingPortal],
    database: Database,
    second_database: Database,
    clock: FrozenClock,
    portal: FakeDebidentPortal,
) -> None:
    store = open_object_store("memory:", key=bytes(32))
    broken: DebidentPortal = dying(clients=portal.clients, orders=portal.orders)
    first = await Office(database, clock, store, broken).open()
    order_id = await first.order()
    with pytest.raises(PulledPlugError):
        await first.ticks.send_orders()
    assert (await first.state(order_id))[0] == "sending"
    second = Office(second_database, clock, store, portal)
    await second.ticks.send_orders()
    assert (await first.state(order_id))[0] == "sending"
    clock.advance(A_WHILE)
    await second.ticks.send_orders()
    assert await first.state(order_id) == ("unknown", "sender-did-not-return")
    for _ in range(3):
        clock.advance(A_WHILE)
        await second.ticks.ask_about_orders()
        await second.ticks.send_orders()
    assert (await first.state(order_id))[0] == "sent"
    assert _uploads(portal) == [1]
    types = await first.told_types()
    assert types.count("order-sent") == 1
    assert types[0] == "order-send-failed"


async def test_a_lost_answer_ends_as_one_accepted_order(
    office: Office, portal: FakeDebidentPortal, clock: FrozenClock
) -> None:
    await office.open()
    order_id = await office.order()
    portal.lost_answers = 1
    await office.ticks.send_orders()
    assert await office.state(order_id) == ("unknown", "connection-lost")
    clock.advance(A_WHILE)
    await office.ticks.send_orders()
    assert (await office.state(order_id))[0] == "unknown"
    await office.ticks.ask_about_orders()
    assert (await office.state(order_id))[0] == "sent"
    assert _uploads(portal) == [1]
    told = await office.told()
    assert [name for name, _ in told] == ["order-send-failed", "order-sent"]
    assert told[0][1]["outcome"] == "unknown"


async def test_already_have_it_is_asked_about_at_once_and_is_arrival_evidence_with_lines(
    office: Office, portal: FakeDebidentPortal, clock: FrozenClock
) -> None:
    await office.open()
    order_id = await office.order()
    portal.dropped_requests = 1
    await office.ticks.send_orders()
    clock.advance(A_WHILE)
    await office.ticks.ask_about_orders()
    assert await office.state(order_id) == ("intended", "portal-does-not-have-it")
    # The slow request lands after all, and the order has arrived by the time of the second send.
    twin = Office(office.database, clock, office.store, portal)
    access = await _access(office)
    event_package = await _package(office, order_id)
    await portal.send_order(access, order_id, event_package[0], sha256=event_package[1])
    portal.let_everything_arrive()
    clock.advance(A_WHILE)
    await twin.ticks.send_orders()
    assert (await office.state(order_id))[0] == "arrived"
    arrived = (await office.told())[-1]
    assert arrived[0] == "order-arrived"
    assert arrived[1]["evidence"]["kind"] == "already-have-it"


async def _access(office: Office) -> Any:
    async with office.workshop.units.begin(office.practice_id) as uow:
        return await uow.credentials.access(
            office.practice_id, account_number=office.account, adapter="http"
        )


async def _package(office: Office, order_id: Any) -> tuple[bytes, str]:
    async with office.workshop.units.begin(office.practice_id) as uow:
        transmission = await uow.transmissions.lock(order_id)
    assert transmission is not None
    data = await office.workshop.documents.package(
        transmission.package, practice_id=office.practice_id
    )
    return data, transmission.package.sha256


async def test_two_gateways_at_once_send_an_order_once(
    office: Office, portal: FakeDebidentPortal, second_database: Database
) -> None:
    await office.open()
    for _ in range(5):
        order_id = await office.order()
        others = [office.another_process(second_database) for _ in range(3)]
        await asyncio.gather(office.ticks.send_orders(), *(other.send_orders() for other in others))
        assert (await office.state(order_id))[0] == "sent"
        async with office.workshop.units.begin(office.practice_id) as uow:
            transmission = await uow.transmissions.lock(order_id)
            assert transmission is not None
            transmission.note_refusal("next-round", at=office.clock.now())
            await uow.transmissions.save(transmission)
    assert _uploads(portal) == [1] * 5
    attempts = await office.rows("SELECT count(*) AS n FROM send_attempt")
    assert attempts == [{"n": 5}]


async def test_two_orders_of_a_contract_are_never_at_the_portal_together(
    office: Office, portal: FakeDebidentPortal, second_database: Database
) -> None:
    await office.open()
    await office.order("2026-000001")
    await office.order("2026-000002")
    other = office.another_process(second_database)
    await asyncio.gather(office.ticks.send_orders(), other.send_orders())
    await office.ticks.send_orders()
    states = await office.rows("SELECT state FROM transmission ORDER BY state")
    assert [row["state"] for row in states] == ["intended", "sent"]
    assert len(portal.orders) == 1
    with pytest.raises(IntegrityError, match="one_in_flight_per_contract"):
        await office.rows(
            "UPDATE transmission SET state = 'sent', sent_at = now() RETURNING order_id"
        )


async def test_a_person_who_confirms_the_arrival_frees_the_contract_for_its_next_order(
    office: Office, portal: FakeDebidentPortal, clock: FrozenClock
) -> None:
    await office.open()
    event = await office.prepare("2026-000001")
    await office.receive(event)
    await office.ticks.send_orders()
    following = await office.order("2026-000002")
    await office.ticks.send_orders()
    assert (await office.state(following))[0] == "intended"
    await office.receive(office.confirmed_by_person(event))
    await office.receive(office.confirmed_by_person(event))
    await office.ticks.send_orders()
    assert (await office.state(following))[0] == "sent"
    assert await office.told_types() == ["order-sent", "order-sent"]


async def test_a_person_cannot_confirm_what_the_portal_refused(
    office: Office, portal: FakeDebidentPortal
) -> None:
    await office.open()
    event = await office.prepare()
    await office.receive(event)
    portal.refuse_orders_with = "account-closed"
    await office.ticks.send_orders()
    with pytest.raises(PermanentError, match="illegal-transmission-move"):
        await office.receive(office.confirmed_by_person(event))
    assert await office.told_types() == ["order-refused"]


async def test_credentials_of_one_practice_are_never_used_for_another(
    office: Office, portal: FakeDebidentPortal, clock: FrozenClock, second_database: Database
) -> None:
    await office.open()
    theirs = Office(second_database, clock, office.store, portal, account="CMD-0815")
    await theirs.open(credentials=False)
    order_id = await theirs.order()
    await office.order()
    await office.ticks.send_orders()
    assert [account for account, _ in portal.orders] == ["CMD-4711"]
    assert await theirs.state(order_id) == ("intended", "portal-credentials-missing")
    # Not even a row moved to the other practice by hand opens for it: the seal names the practice.
    await office.rows(
        "UPDATE portal_credentials SET practice_id = :theirs RETURNING 1",
        Scope.everything(),
        theirs=theirs.practice_id,
    )
    clock.advance(A_WHILE)
    await office.ticks.send_orders()
    assert await theirs.state(order_id) == ("intended", "portal-credentials-unreadable")
    portal.clients["client-b"] = ("other", "CMD-0815")
    await theirs.enter_credentials("client-b", "other")
    await office.ticks.send_orders()
    assert (await theirs.state(order_id))[0] == "sent"


async def test_secrets_are_not_readable_in_the_database(office: Office) -> None:
    await office.open()
    [row] = await office.rows("SELECT client_id, sealed_secret FROM portal_credentials")
    assert row["client_id"] == "client-of-CMD-4711"
    assert b"s3cret" not in bytes(row["sealed_secret"])


async def test_other_practices_see_nothing_and_no_scope_sees_nothing(office: Office) -> None:
    await office.open()
    await office.order()
    await office.ticks.send_orders()
    stranger = Scope.of(office.contract_id)
    tables = ("transmission", "send_attempt", "portal_credentials", "contract_terms", "deb_cursor")
    for table in tables:
        query = f"SELECT count(*) AS n FROM {table}"  # noqa: S608 - names from above
        assert await office.rows(query) == [{"n": 1}], table
        for scope in (stranger, Scope()):
            assert await office.rows(query, scope) == [{"n": 0}], table


async def test_a_failure_stays_a_failure_when_a_later_attempt_succeeds(
    office: Office, portal: FakeDebidentPortal, clock: FrozenClock
) -> None:
    await office.open()
    portal.unavailable = 1
    order_id = await office.order()
    await office.ticks.send_orders()
    assert await office.state(order_id) == ("intended", "portal-unavailable")
    assert await office.told_types() == ["order-send-failed"]
    clock.advance(A_WHILE)
    await office.ticks.send_orders()
    attempts = await office.rows("SELECT number, outcome FROM send_attempt ORDER BY number")
    assert [tuple(row.values()) for row in attempts] == [(1, "not-sent"), (2, "accepted")]
    assert await office.told_types() == ["order-send-failed", "order-sent"]


async def test_an_answer_after_more_than_a_year_still_finds_its_order(
    office: Office, portal: FakeDebidentPortal, clock: FrozenClock
) -> None:
    await office.open()
    order_id = await office.order()
    await office.ticks.send_orders()
    clock.advance(timedelta(days=400))
    portal.let_everything_arrive()
    await office.ticks.ask_about_orders()
    assert await office.state(order_id) == ("arrived", None)
    told = [data["order_id"] for name, data in await office.told() if name == "order-arrived"]
    assert told == [str(order_id)]
