"""One request is one transaction in the caller's scope, and only the caller's."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from shared.db.engine import Database
from shared.db.scope import Scope
from shared.web.endpoints import UserRole
from shared.web.proxies import TrustedProxies, networks_in
from tests.integration.web import notebook
from tests.support.web import ApiClient, api_client, assert_every_route_is_guarded


def notes_of(practice: UUID) -> str:
    return f"/v1/practices/{practice}/notes"


async def audit_lines(database: Database, subject: str) -> Sequence[Any]:
    async with database.transaction(Scope.everything()) as connection:
        found = await connection.execute(
            text("SELECT * FROM audit_log WHERE subject = :subject ORDER BY id"),
            {"subject": subject},
        )
        return found.all()


async def words_in(database: Database, practice: UUID) -> list[str]:
    async with database.transaction(Scope.of(practice)) as connection:
        return list(await connection.scalars(text("SELECT words FROM note ORDER BY words")))


async def test_every_route_of_the_notebook_is_guarded(api: ApiClient) -> None:
    await assert_every_route_is_guarded(notebook.endpoints(), api)


async def test_what_a_request_adds_is_committed_when_its_answer_arrives(
    api: ApiClient, database: Database, practice: UUID
) -> None:
    user = api.as_user(practices=[practice])

    status, note = await user.post(notes_of(practice), {"words": "hello"})

    assert status == 201
    assert await words_in(database, practice) == ["hello"]
    assert (await user.get(f"{notes_of(practice)}/{note['id']}"))[1] == note


async def test_a_put_changes_and_needs_no_idempotency_key(
    api: ApiClient, database: Database, practice: UUID
) -> None:
    user = api.as_user(practices=[practice])
    _, note = await user.post(notes_of(practice), {"words": "before"})

    status, _ = await user.put(f"{notes_of(practice)}/{note['id']}", {"words": "after"})

    assert status == 200
    assert await words_in(database, practice) == ["after"]


async def test_an_all_practice_user_sees_in_a_practice_only_that_practice(
    api: ApiClient, practice: UUID
) -> None:
    office, other = api.as_user(), uuid4()
    await office.post(notes_of(practice), {"words": "ours"})
    await office.post(notes_of(other), {"words": "theirs"})

    _, listed = await office.get(notes_of(practice))

    assert [note["words"] for note in listed["notes"]] == ["ours"]


async def test_a_list_without_a_practice_shows_the_practices_of_the_token(
    api: ApiClient, practice: UUID
) -> None:
    office, second, foreign = api.as_user(), uuid4(), uuid4()
    for owner, words in ((practice, "a"), (second, "b"), (foreign, "c")):
        await office.post(notes_of(owner), {"words": words})

    _, mine = await api.as_user(practices=[practice, second]).get("/v1/notes")
    _, none = await api.as_user(practices=[]).get("/v1/notes")

    assert sorted(note["words"] for note in mine["notes"]) == ["a", "b"]
    assert none["notes"] == []


async def test_a_foreign_practice_and_one_that_does_not_exist_get_the_same_answer(
    api: ApiClient, practice: UUID
) -> None:
    await api.as_user().post(notes_of(practice), {"words": "here"})
    stranger = api.as_user(practices=[uuid4()])

    foreign = await stranger.request("GET", notes_of(practice))
    missing = await stranger.request("GET", notes_of(uuid4()))

    assert (foreign.status, missing.status) == (404, 404)
    assert {**foreign.json, "instance": ""} == {**missing.json, "instance": ""}


async def test_a_note_of_another_practice_is_not_found_under_ones_own(
    api: ApiClient, practice: UUID
) -> None:
    _, note = await api.as_user().post(notes_of(practice), {"words": "secret"})
    mine = uuid4()

    status, problem = await api.as_user(practices=[mine]).get(f"{notes_of(mine)}/{note['id']}")

    assert (status, problem["code"]) == (404, "note-not-found")


async def test_a_handler_cannot_write_into_another_practice(api: ApiClient, practice: UUID) -> None:
    status, problem = await api.as_user().post(f"/v1/practices/{practice}/smuggling")

    assert (status, problem["code"]) == (500, "internal-error")


async def test_a_get_that_tries_to_write_is_a_fault_and_writes_nothing(
    api: ApiClient, database: Database, practice: UUID
) -> None:
    status, problem = await api.as_user().get(f"/v1/practices/{practice}/slyness")

    assert (status, problem["code"]) == (500, "internal-error")
    assert await words_in(database, practice) == []


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        ("rule", 422, "not-like-this"),
        ("conflict", 409, "order-in-flight"),
        ("missing", 404, "note-not-found"),
        ("passing", 503, "temporarily-unavailable"),
        ("fault", 500, "internal-error"),
    ],
)
async def test_a_failing_handler_leaves_nothing_behind_but_an_audit_line(
    api: ApiClient, database: Database, practice: UUID, kind: str, status: int, code: str
) -> None:
    subject = f"user-{uuid4()}"
    user = api.as_user(practices=[practice], subject=subject)

    answer = await user.request("POST", f"/v1/practices/{practice}/trips/{kind}")

    assert (answer.status, answer.code) == (status, code)
    assert answer.json["instance"] == answer.headers["X-Correlation-Id"]
    assert b"hunter2" not in answer.raw
    assert b"Muster" not in answer.raw
    assert await words_in(database, practice) == []
    (line,) = await audit_lines(database, subject)
    assert (line.status, line.problem_code, line.practice_id) == (status, code, practice)


async def test_a_rule_that_was_broken_names_its_field_and_facts(
    api: ApiClient, practice: UUID
) -> None:
    _, problem = await api.as_user().post(f"/v1/practices/{practice}/trips/rule")

    assert problem["type"] == "/problems/not-like-this"
    assert problem["title"] == "Not like this"
    assert problem["detail"] == "Not like this."
    assert problem["field"] == "parts.0"
    assert problem["facts"] == {"limit": 3}


async def test_what_only_a_constraint_refuses_is_a_conflict(api: ApiClient, practice: UUID) -> None:
    user = api.as_user(practices=[practice])
    await user.post(notes_of(practice), {"words": "once"})

    answer = await user.request("POST", notes_of(practice), body={"words": "once"})

    assert (answer.status, answer.code) == (409, "conflict")
    assert b"note_words_once" not in answer.raw


async def test_a_reply_that_refuses_is_a_fault_because_refusals_are_raised(
    api: ApiClient, practice: UUID
) -> None:
    status, _ = await api.as_user().post(f"/v1/practices/{practice}/refusals")

    assert status == 500


async def test_a_command_is_written_to_the_audit_log_without_its_body(
    api: ApiClient, database: Database, practice: UUID
) -> None:
    subject = f"user-{uuid4()}"
    user = api.as_user([UserRole.ADMIN, UserRole.ASSISTANT], [practice], subject=subject)

    answer = await user.request(
        "POST",
        notes_of(practice),
        body=b'{"words": "secret"}',
        headers={"X-Correlation-Id": "mine-1"},
    )

    assert answer.headers["X-Correlation-Id"] == "mine-1"
    (line,) = await audit_lines(database, subject)
    assert (line.operation_id, line.practice_id, line.status) == ("addNote", practice, 201)
    assert line.roles == ["admin", "assistant"]
    assert line.path_params == {"practice_id": str(practice)}
    assert line.request_sha256 == hashlib.sha256(b'{"words": "secret"}').hexdigest()
    assert (line.correlation_id, line.remote_address) == ("mine-1", "127.0.0.1")
    assert "secret" not in str(line)


async def test_behind_a_trusted_proxy_the_caller_is_on_record_refused_or_not(
    database: Database, practice: UUID
) -> None:
    subject = f"user-{uuid4()}"
    proxies = TrustedProxies(networks_in("127.0.0.0/8, 192.0.2.7"))
    headers = {"X-Forwarded-For": "198.51.100.66, 2001:db8::1, 192.0.2.7"}
    async with api_client(notebook.endpoints(), database, proxies=proxies) as client:
        user = client.as_user(practices=[practice], subject=subject)
        for body in ({"words": "hello"}, {"words": ""}):
            await user.request("POST", notes_of(practice), body=body, headers=headers)

    lines = await audit_lines(database, subject)
    assert [(one.status, one.remote_address) for one in lines] == [
        (201, "2001:db8::1"),
        (422, "2001:db8::1"),
    ]


async def test_who_is_no_trusted_proxy_is_on_record_itself(
    api: ApiClient, database: Database, practice: UUID
) -> None:
    subject = f"user-{uuid4()}"
    user = api.as_user(practices=[practice], subject=subject)
    headers = {"X-Forwarded-For": "203.0.113.9", "Forwarded": "for=203.0.113.9"}
    await user.request("POST", notes_of(practice), body={"words": "hello"}, headers=headers)
    (line,) = await audit_lines(database, subject)
    assert line.remote_address == "127.0.0.1"


async def test_a_change_is_told_before_and_after_and_a_repeat_of_it_is_not(
    api: ApiClient, database: Database, practice: UUID
) -> None:
    subject = f"user-{uuid4()}"
    user = api.as_user(practices=[practice], subject=subject)
    _, note = await user.post(notes_of(practice), {"words": "old"})
    for _ in range(2):
        path = f"{notes_of(practice)}/{note['id']}"
        assert (await user.request("PUT", path, body={"words": "new"})).status == 200
    lines = await audit_lines(database, subject)
    assert [(line.operation_id, line.fields_before, line.fields_after) for line in lines] == [
        ("addNote", {}, {"id": note["id"]}),
        ("changeNote", {"words": "old"}, {"words": "new"}),
    ]


async def test_what_changes_something_and_does_not_say_what_is_undone(
    api: ApiClient, database: Database, practice: UUID
) -> None:
    subject = f"user-{uuid4()}"
    user = api.as_user(practices=[practice], subject=subject)
    answer = await user.request("POST", f"/v1/practices/{practice}/secrecy")
    assert (answer.status, answer.code) == (500, "internal-error")
    assert await words_in(database, practice) == []
    (line,) = await audit_lines(database, subject)
    assert (line.status, line.fields_before, line.fields_after) == (500, None, None)


async def test_a_read_is_not_in_the_audit_log(
    api: ApiClient, database: Database, practice: UUID
) -> None:
    subject = f"user-{uuid4()}"

    await api.as_user(subject=subject).get(notes_of(practice))

    assert await audit_lines(database, subject) == []


async def test_a_strangers_attempt_is_told_to_the_system_and_not_to_the_practice(
    api: ApiClient, database: Database, practice: UUID
) -> None:
    subject = f"user-{uuid4()}"
    stranger = api.as_user(practices=[uuid4()], subject=subject)

    await stranger.post(notes_of(practice), {"words": "hello"})

    (line,) = await audit_lines(database, subject)
    assert (line.status, line.problem_code) == (404, "practice-not-found")
    assert line.practice_id is None
    assert line.path_params == {"practice_id": str(practice)}


async def test_a_command_about_no_single_practice_is_audited_for_the_system_alone(
    api: ApiClient, database: Database, practice: UUID
) -> None:
    subject = f"user-{uuid4()}"
    user = api.as_user(practices=[practice], subject=subject)

    status, _ = await user.post("/v1/year-ends")

    assert status == 204
    (line,) = await audit_lines(database, subject)
    assert (line.operation_id, line.practice_id) == ("closeYear", None)
    async with database.transaction(Scope.of(practice)) as connection:
        seen = await connection.scalar(text("SELECT count(*) FROM audit_log"))
    assert seen == 0


async def test_a_command_about_no_single_practice_still_sees_only_the_tokens_practices(
    api: ApiClient, practice: UUID
) -> None:
    office = api.as_user()
    await office.post(notes_of(practice), {"words": "mine"})
    await office.post(notes_of(uuid4()), {"words": "foreign"})

    _, seen = await api.as_user(practices=[practice]).post("/v1/summaries")

    assert [note["words"] for note in seen["notes"]] == ["mine"]


async def test_a_stored_answer_is_hidden_from_other_practices(
    api: ApiClient, database: Database, practice: UUID
) -> None:
    await api.as_user(practices=[practice]).post(notes_of(practice), {"words": "mine"})

    seen = []
    for scope in (Scope.of(practice), Scope.of(uuid4()), Scope()):
        async with database.transaction(scope) as connection:
            seen.append(await connection.scalar(text("SELECT count(*) FROM idempotency_key")))

    assert seen == [1, 0, 0]


@pytest.mark.parametrize(
    "statement",
    ["UPDATE audit_log SET status = 200", "DELETE FROM audit_log", "TRUNCATE audit_log"],
)
async def test_nobody_changes_the_audit_log_not_even_its_owner(
    api: ApiClient, database: Database, owner: Database, practice: UUID, statement: str
) -> None:
    subject = f"user-{uuid4()}"
    await api.as_user(subject=subject).post("/v1/year-ends")

    for who in (database, owner):
        with pytest.raises(DBAPIError):
            async with who.transaction(Scope.everything()) as connection:
                await connection.execute(text(statement))

    assert len(await audit_lines(database, subject)) == 1
