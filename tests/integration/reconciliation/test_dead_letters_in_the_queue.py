"""The dead letters of every service are in the one queue, and are dealt with over HTTP."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from shared.contracts.dead_letters import (
    NOBODYS,
    DeadLetterChanged,
    InvoicingDeadLetterChanged,
    OrdersDeadLetterChanged,
)
from shared.db.scope import Scope
from shared.kernel.ids import derived_id
from shared.web.endpoints import UserRole
from tests.integration.reconciliation.house import House
from tests.integration.reconciliation.queue import EXCEPTIONS, Queue, dead_letter
from tests.support.web import ApiClient


@pytest.fixture
def queue(house: House, api: ApiClient) -> Queue:
    """The queue as the people of this test's practice see it."""
    return Queue(api, house)


def _letter(house: House, event_id: UUID, **values: Any) -> dict[str, Any]:
    return {
        "practice_id": house.practice_id,
        "letter_id": derived_id("dead-letter", event_id),
        "event_id": event_id,
        "event_type": "invoice-issued",
        "event_source": "invoicing",
        "round": 1,
        "state": "dead",
        "reason_code": "contract",
        "changed_at": house.clock.now(),
    } | values


async def test_a_letter_of_another_service_is_there_until_a_person_sees_to_it(
    house: House, queue: Queue
) -> None:
    event_id = uuid4()
    await house.receive(OrdersDeadLetterChanged(**_letter(house, event_id)))
    item = await queue.only("dead-letter")
    assert item["words"] == (
        "The event invoice-issued of invoicing could not be worked by orders: contract."
    )
    assert item["about"]["event_id"] == str(event_id)
    assert [(one["service"], one["operation_id"]) for one in item["actions"]] == [
        ("orders", "replayDeadLetter"),
        ("orders", "dropDeadLetter"),
    ]
    settled = {"state": "replayed", "by": "anna", "why": "mended"}
    await house.receive(OrdersDeadLetterChanged(**_letter(house, event_id, **settled)))
    assert await queue.kinds() == []
    await house.receive(OrdersDeadLetterChanged(**_letter(house, event_id, round=2)))
    assert (await queue.only("dead-letter"))["item"] == item["item"]
    history = (await queue.show(item["item"]))["history"]
    assert [(one["event"], one["by"], one["why"]) for one in history] == [
        ("opened", None, "invoice-issued of invoicing"),
        ("resolved", "anna", "sent through again: mended"),
        ("reopened", None, "invoice-issued of invoicing"),
    ]


async def test_an_event_that_died_in_two_services_is_two_items(house: House, queue: Queue) -> None:
    event_id = uuid4()
    kinds: tuple[type[DeadLetterChanged], ...] = (
        OrdersDeadLetterChanged,
        InvoicingDeadLetterChanged,
    )
    for kind in kinds:
        await house.receive(kind(**_letter(house, event_id)))
    found = await queue.items()
    assert {one["about"]["service"] for one in found} == {"orders", "invoicing"}
    assert len({one["item"] for one in found}) == 2


async def test_a_letter_that_cannot_be_replayed_offers_only_to_drop_it(
    house: House, api: ApiClient, queue: Queue
) -> None:
    event_id = uuid4()
    values = {"practice_id": NOBODYS, "reason_code": "unreadable-headers"}
    await house.receive(OrdersDeadLetterChanged(**_letter(house, event_id, **values)))
    assert await queue.kinds() == [], "what is nobody's is seen by who works for all"
    _, page = await api.get(EXCEPTIONS, kind="dead-letter", reason_code="unreadable-headers")
    [item] = page["items"]
    assert [one["operation_id"] for one in item["actions"]] == ["dropDeadLetter"]
    assert item["practice_ids"] == []
    status, shown = await api.post(f"{EXCEPTIONS}/{item['item']}/assign", {"assignee": "anna"})
    assert (status, shown["assignee"]) == (200, "anna")


async def _replay(queue: Queue, event_id: UUID, **body: str) -> tuple[int, Any]:
    given = {"reason": "the contract is mended"}
    return await queue.api.post(f"/v1/dead-letters/{event_id}/replay", given | body)


async def test_a_person_sends_a_letter_through_again(house: House, queue: Queue) -> None:
    event_id = await dead_letter(house, house.practice_id)
    status, shown = await queue.api.get(f"/v1/dead-letters/{event_id}")
    assert (status, shown["status"], shown["by"]) == (200, "dead", None)
    status, shown = await _replay(queue, event_id)
    assert (status, shown["status"], shown["by"], shown["why"]) == (
        200,
        "pending",
        "user-1",
        "the contract is mended",
    )
    assert await queue.kinds() == []
    assert (await _replay(queue, event_id))[1]["code"] == "dead-letter-not-open"
    history = (await queue.show(f"dead-letter.{event_id}"))["history"]
    assert ("noted", "user-1", "sent through again: the contract is mended") in [
        (one["event"], one["by"], one["why"]) for one in history
    ]
    async with house.database.transaction(Scope.everything()) as connection:
        lines = await connection.execute(
            text(
                "SELECT subject, fields_after FROM audit_log WHERE status = 200"
                " AND operation_id = 'replayDeadLetter' AND path_params->>'event_id' = :id"
            ),
            {"id": str(event_id)},
        )
        [line] = lines.all()
    assert (line.subject, line.fields_after["why"]) == ("user-1", "the contract is mended")


async def test_a_person_drops_a_letter_and_its_aggregate_goes_on(
    house: House, queue: Queue
) -> None:
    event_id = await dead_letter(house, house.practice_id)
    path = f"/v1/dead-letters/{event_id}/drop"
    assert (await queue.api.post(path, {"reason": " "}))[0] == 422
    status, shown = await queue.api.post(path, {"reason": "no event of ours"})
    assert (status, shown["status"]) == (200, "skipped")
    assert shown["outcome"] == "dropped by user-1: no event of ours"
    assert await queue.kinds() == []


async def test_a_letter_is_open_only_to_who_may_see_its_practice_and_answers_for_it(
    house: House, queue: Queue
) -> None:
    event_id = await dead_letter(house, house.practice_id)
    stranger = Queue(queue.api, House(house.database, house.clock, store=house.store))
    assistant = queue.api.as_user([UserRole.ASSISTANT], [house.practice_id])
    for verb in ("replay", "drop"):
        path = f"/v1/dead-letters/{event_id}/{verb}"
        body = {"reason": "not mine"}
        assert (await stranger.api.post(path, body))[1]["code"] == "dead-letter-not-found"
        assert (await assistant.post(path, body))[0] == 403
    assert await queue.kinds() == ["dead-letter"]
