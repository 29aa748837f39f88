"""The same key does the work once, whoever repeats it and however close together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from shared.db.engine import Database
from shared.db.scope import Scope
from shared.testing.clock import FrozenClock
from shared.web import idempotency
from tests.integration.web import notebook
from tests.integration.web.test_requests import audit_lines, notes_of, words_in
from tests.support.waiting import eventually
from tests.support.web import ApiClient, api_client


@pytest.fixture
def gate() -> notebook.Gate:
    """Holds the slow handler back."""
    return notebook.Gate()


@pytest.fixture
async def slow_api(database: Database, gate: notebook.Gate) -> AsyncIterator[ApiClient]:
    """The notebook's API with a handler that waits at the gate."""
    async with api_client(notebook.endpoints(gate), database) as client:
        yield client


async def stored_keys(database: Database, subject: str) -> int:
    async with database.transaction(Scope.everything()) as connection:
        count = await connection.scalar(
            text("SELECT count(*) FROM idempotency_key WHERE subject = :subject"),
            {"subject": subject},
        )
    return int(count or 0)


async def somebody_waits_for_a_lock(database: Database) -> bool:
    async with database.transaction(Scope()) as connection:
        count = await connection.scalar(
            text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
        )
    return bool(count)


async def test_a_post_without_a_key_is_refused_and_names_the_header(
    api: ApiClient, database: Database, practice: UUID
) -> None:
    answer = await api.as_user().request(
        "POST", notes_of(practice), body={"words": "x"}, headers={"Idempotency-Key": ""}
    )

    assert (answer.status, answer.code) == (400, "idempotency-key-missing")
    assert answer.json["field"] == "Idempotency-Key"
    assert await words_in(database, practice) == []


@pytest.mark.parametrize("key", ["k" * 201, "caf\u00e9", "tab\tbed"])
async def test_a_key_of_another_form_is_refused(api: ApiClient, practice: UUID, key: str) -> None:
    answer = await api.as_user().request("POST", notes_of(practice), body={"words": "x"}, key=key)

    assert (answer.status, answer.code) == (400, "idempotency-key-missing")


async def test_the_same_request_again_gets_the_first_answer_and_does_nothing(
    api: ApiClient, database: Database, practice: UUID
) -> None:
    subject = f"user-{uuid4()}"
    user = api.as_user(subject=subject)

    first = await user.request("POST", notes_of(practice), body={"words": "once"}, key="k-1")
    again = await user.request("POST", notes_of(practice), body={"words": "once"}, key="k-1")

    assert (first.status, again.status) == (201, 201)
    assert again.raw == first.raw
    assert again.headers["Location"] == first.headers["Location"]
    assert again.headers["Content-Type"] == first.headers["Content-Type"]
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert await words_in(database, practice) == ["once"]
    (line,) = await audit_lines(database, subject)
    assert line.fields_after == {"id": first.json["id"]}


async def test_the_same_key_with_another_body_is_refused(
    api: ApiClient, database: Database, practice: UUID
) -> None:
    user = api.as_user()
    await user.post(notes_of(practice), {"words": "one"}, key="k-2")

    answer = await user.request("POST", notes_of(practice), body={"words": "two"}, key="k-2")

    assert (answer.status, answer.code) == (422, "idempotency-key-reused")
    assert await words_in(database, practice) == ["one"]


async def test_keys_are_apart_per_subject_and_per_practice(
    api: ApiClient, database: Database, practice: UUID
) -> None:
    other = uuid4()
    anna, bruno = api.as_user(subject="anna"), api.as_user(subject="bruno")

    answers = [
        await anna.request("POST", notes_of(practice), body={"words": "a"}, key="same"),
        await bruno.request("POST", notes_of(practice), body={"words": "b"}, key="same"),
        await anna.request("POST", notes_of(other), body={"words": "c"}, key="same"),
    ]

    assert [answer.status for answer in answers] == [201, 201, 201]
    assert await words_in(database, practice) == ["a", "b"]
    assert await words_in(database, other) == ["c"]


async def test_the_form_of_an_id_does_not_make_another_request(
    api: ApiClient, database: Database, practice: UUID
) -> None:
    user = api.as_user()
    upper = notes_of(practice).replace(str(practice), str(practice).upper())

    await user.post(notes_of(practice), {"words": "once"}, key="k-form")
    again = await user.request("POST", upper, body={"words": "once"}, key="k-form")

    assert again.headers.get("Idempotency-Replayed") == "true"
    assert await words_in(database, practice) == ["once"]


async def test_a_refused_request_stores_nothing_and_may_come_again_with_its_key(
    api: ApiClient, database: Database, practice: UUID
) -> None:
    subject = f"user-{uuid4()}"
    user = api.as_user(subject=subject)
    path = f"/v1/practices/{practice}/trips/rule"

    first = await user.request("POST", path, key="k-3")
    again = await user.request("POST", path, key="k-3")

    assert (first.status, again.status) == (422, 422)
    assert "Idempotency-Replayed" not in again.headers
    assert await stored_keys(database, subject) == 0


async def test_a_second_request_waits_for_the_first_and_gets_its_answer(
    slow_api: ApiClient, database: Database, practice: UUID, gate: notebook.Gate
) -> None:
    user = slow_api.as_user()
    path = f"/v1/practices/{practice}/slow-notes"

    first = asyncio.create_task(user.request("POST", path, key="k-4"))
    await asyncio.wait_for(gate.entered.wait(), 20)
    second = asyncio.create_task(user.request("POST", path, key="k-4"))
    await eventually(partial(somebody_waits_for_a_lock, database), because="the second one waits")
    gate.open.set()
    answers = [await first, await second]

    assert [answer.status for answer in answers] == [200, 200]
    assert answers[0].raw == answers[1].raw
    assert [answer.headers.get("Idempotency-Replayed") for answer in answers] == [None, "true"]
    assert gate.runs == 1
    assert await words_in(database, practice) == ["slow 1"]


async def test_a_second_request_is_worked_itself_when_the_first_one_fails(
    slow_api: ApiClient, database: Database, practice: UUID, gate: notebook.Gate
) -> None:
    user = slow_api.as_user()
    gate.fail_first = True
    path = f"/v1/practices/{practice}/slow-notes"

    first = asyncio.create_task(user.request("POST", path, key="k-5"))
    await asyncio.wait_for(gate.entered.wait(), 20)
    second = asyncio.create_task(user.request("POST", path, key="k-5"))
    await eventually(partial(somebody_waits_for_a_lock, database), because="the second one waits")
    gate.open.set()
    answers = [await first, await second]

    assert [answer.status for answer in answers] == [409, 200]
    assert await words_in(database, practice) == ["slow 2"]


async def test_many_at_once_with_one_key_do_the_work_once(
    api: ApiClient, database: Database, practice: UUID
) -> None:
    user = api.as_user()

    answers = await asyncio.gather(
        *(
            user.request("POST", notes_of(practice), body={"words": "once"}, key="k-6")
            for _ in range(20)
        )
    )

    assert {answer.status for answer in answers} == {201}
    assert len({answer.raw for answer in answers}) == 1
    assert sum("Idempotency-Replayed" not in answer.headers for answer in answers) == 1


async def test_a_key_about_no_single_practice_works_for_a_token_of_a_few(
    api: ApiClient, database: Database, practice: UUID
) -> None:
    subject = f"user-{uuid4()}"
    user = api.as_user(practices=[practice, uuid4()], subject=subject)

    first = await user.request("POST", "/v1/year-ends", key="k-7")
    again = await user.request("POST", "/v1/year-ends", key="k-7")

    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert await stored_keys(database, subject) == 1


async def test_old_answers_are_forgotten_and_younger_ones_kept(
    database: Database, practice: UUID
) -> None:
    clock, subject = FrozenClock(), f"user-{uuid4()}"
    async with api_client(notebook.endpoints(), database, clock=clock) as api:
        user = api.as_user(subject=subject)
        await user.post(notes_of(practice), {"words": "old"})
        clock.advance(timedelta(minutes=30))
        await user.post(notes_of(practice), {"words": "young"})

    await idempotency.forget(database, clock.now() - timedelta(minutes=15))

    assert await stored_keys(database, subject) == 1
