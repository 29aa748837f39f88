"""Whatever is sent, the answer is a problem document in plain words, and nothing is echoed."""

from __future__ import annotations

import json
from uuid import UUID, uuid4

import pytest

from shared.db.engine import Database
from shared.observability.metrics import ServiceMetrics
from shared.web.edge import SECURITY_HEADERS
from shared.web.limits import WebLimits
from tests.integration.web import notebook
from tests.support.web import ApiAnswer, ApiClient, api_client


@pytest.fixture
def notes(practice: UUID) -> str:
    return f"/v1/practices/{practice}/notes"


def assert_problem(answer: ApiAnswer, status: int, code: str) -> None:
    assert (answer.status, answer.code) == (status, code), answer.raw
    problem = answer.json
    assert problem["type"] == f"/problems/{code}"
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"]
    assert problem["instance"] == answer.headers["X-Correlation-Id"]
    for name, value in SECURITY_HEADERS.items():
        assert answer.headers[name] == value


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "malformed-json"),
        (b"{", 400, "malformed-json"),
        (b"words=hello", 400, "malformed-json"),
        (b'\xef\xbb\xbf{"words": "x"}', 400, "malformed-json"),
        (b'{"words": "x"} trailing', 400, "malformed-json"),
        (b'{"words": "caf\xe9"}', 400, "malformed-encoding"),
        ('{"words": "x"}'.encode("utf-16"), 400, "malformed-encoding"),
        (b'{"words": "x", "words": "y"}', 400, "duplicate-key"),
        (b'{"words": "x", "parts": [{"quantity": 1, "quantity": 2}]}', 400, "duplicate-key"),
        (b'{"words": "x", "stars": NaN}', 400, "malformed-json"),
        (b'{"words": "x", "stars": -Infinity}', 400, "malformed-json"),
        (b'{"words": ' + b"[" * 40 + b"]" * 40 + b"}", 400, "too-deep"),
        (b"[" * 9_000 + b"]" * 9_000, 400, "too-deep"),
        (b'{"stars": ' + b"9" * 5_000 + b"}", 400, "malformed-json"),
        (b'[{"words": "x"}]', 422, "invalid-request"),
        (b"null", 422, "invalid-request"),
    ],
)
async def test_a_body_that_is_not_plain_json_is_refused(
    api: ApiClient, notes: str, body: bytes, status: int, code: str
) -> None:
    answer = await api.as_user().request("POST", notes, body=body)

    assert_problem(answer, status, code)


@pytest.mark.parametrize(
    ("body", "field", "code", "reason"),
    [
        ({}, "words", "missing", "is required"),
        ({"words": ""}, "words", "string-too-short", "must have at least 1 characters"),
        ({"words": 7}, "words", "string-type", "must be text"),
        ({"words": "x", "colour": "red"}, "colour", "extra-forbidden", "is not a known field"),
        ({"words": "x", "stars": 1.5}, "stars", "int-type", "must be a whole number"),
        ({"words": "x", "stars": True}, "stars", "int-type", "must be a whole number"),
        ({"words": "x", "stars": "3"}, "stars", "int-type", "must be a whole number"),
        ({"words": "x", "stars": 2**63}, "stars", "number-too-large", "is too large a number"),
        ({"words": "x", "stars": -1}, "stars", "greater-than-equal", "must be at least 0"),
        (
            {"words": "x", "parts": [{"quantity": 0}]},
            "parts.0.quantity",
            "greater-than-equal",
            "must be at least 1",
        ),
        (
            {"words": "a\x00b"},
            "words",
            "nul-character",
            "must not contain the character NUL",
        ),
        ({"words": "a\ud800b"}, "words", "lone-surrogate", "must be well-formed Unicode"),
    ],
)
async def test_a_wrong_field_is_named_in_plain_words(
    api: ApiClient, notes: str, body: dict[str, object], field: str, code: str, reason: str
) -> None:
    answer = await api.as_user().request("POST", notes, body=json.dumps(body).encode())

    assert_problem(answer, 422, "invalid-request")
    assert answer.json["errors"] == [{"field": field, "code": code, "reason": reason}]
    assert answer.json["field"] == field


async def test_every_wrong_field_is_named_and_no_submitted_value_is_echoed(
    api: ApiClient, notes: str
) -> None:
    body = {"words": ["Erika Muster"], "stars": "Erika Muster", "parts": [{"quantity": "Muster"}]}

    answer = await api.as_user().request("POST", notes, body=body)

    fields = [error["field"] for error in answer.json["errors"]]
    assert sorted(fields) == ["parts.0.quantity", "stars", "words"]
    assert b"Muster" not in answer.raw


@pytest.mark.parametrize(
    ("headers", "field"),
    [
        ({"Content-Type": "text/plain"}, "Content-Type"),
        ({"Content-Type": "application/json; charset=iso-8859-1"}, "Content-Type"),
        ({"Content-Encoding": "gzip"}, "Content-Type"),
        ({"Content-Type": "application/x-www-form-urlencoded"}, "Content-Type"),
    ],
)
async def test_a_body_of_another_type_is_refused(
    api: ApiClient, notes: str, headers: dict[str, str], field: str
) -> None:
    answer = await api.as_user().request("POST", notes, body={"words": "x"}, headers=headers)

    assert_problem(answer, 415, "unsupported-media-type")
    assert answer.json["field"] == field


async def test_a_body_that_announces_too_many_bytes_is_refused(api: ApiClient, notes: str) -> None:
    answer = await api.as_user().request("POST", notes, body={"words": "x" * 20_001})

    assert_problem(answer, 413, "request-too-large")
    assert answer.json["facts"] == {"max_body_bytes": 20_000}


async def test_a_token_may_name_five_hundred_practices(api: ApiClient, practice: UUID) -> None:
    user = api.as_user(practices=[practice, *(uuid4() for _ in range(499))])

    status, _ = await user.get(f"/v1/practices/{practice}/notes")

    assert status == 200


async def test_an_expectation_that_nobody_knows_is_a_problem_too(api: ApiClient) -> None:
    answer = await api.as_user().request("GET", "/nowhere", headers={"Expect": "miracles"})

    assert_problem(answer, 417, "expectation-failed")


async def test_an_unknown_address_and_an_unknown_method_are_problems(
    api: ApiClient, notes: str
) -> None:
    nowhere = await api.as_user().request("GET", "/v2/nowhere")
    patch = await api.as_user().request("PATCH", notes)

    assert_problem(nowhere, 404, "not-found")
    assert_problem(patch, 405, "method-not-allowed")
    assert patch.headers["Allow"] == "GET,POST"


@pytest.mark.parametrize(
    "path",
    [
        "/v1/practices/42/notes",
        "/v1/practices/{practice}/notes/not-a-uuid",
        "/v1/practices/{practice}/notes/6f0c1f6e2b1a5d3c9e0a6a1b0d7c4e21",
        "/v1/practices/{practice}/notes/urn:uuid:6f0c1f6e-2b1a-5d3c-9e0a-6a1b0d7c4e21",
    ],
)
async def test_an_id_that_is_no_uuid_is_not_found_and_named(
    api: ApiClient, practice: UUID, path: str
) -> None:
    answer = await api.as_user().request("GET", path.replace("{practice}", str(practice)))

    assert_problem(answer, 404, "not-found")
    assert answer.json["field"] == ("note_id" if "{practice}" in path else "practice_id")


async def test_a_control_character_in_the_path_is_not_found(api: ApiClient, practice: UUID) -> None:
    answer = await api.as_user().request("POST", f"/v1/practices/{practice}/trips/a%00b")

    assert_problem(answer, 404, "not-found")
    assert answer.json["field"] == "kind"


@pytest.mark.parametrize(
    ("query", "field", "code"),
    [
        ({"colour": "red"}, "colour", "unknown-parameter"),
        ({"limit": "many"}, "limit", "int-parsing"),
        ({"limit": "501"}, "limit", "less-than-equal"),
        ({"limit": ["1", "2"]}, "limit", "repeated-parameter"),
        ({"words": "a\x00"}, "words", "nul-character"),
    ],
)
async def test_a_wrong_query_parameter_is_named(
    api: ApiClient, notes: str, query: dict[str, str | list[str]], field: str, code: str
) -> None:
    answer = await api.as_user().request("GET", notes, query=query)

    assert_problem(answer, 422, "invalid-request")
    (error,) = answer.json["errors"]
    assert (error["field"], error["code"]) == (field, code)


async def test_a_query_parameter_is_unknown_where_none_is_declared(api: ApiClient) -> None:
    answer = await api.as_user().request("GET", "/v1/notes", query={"limit": "1"})

    assert_problem(answer, 422, "invalid-request")


async def test_a_list_parameter_may_come_once_or_often(api: ApiClient, notes: str) -> None:
    user = api.as_user()
    for words in ("a", "b", "c"):
        await user.post(notes, {"words": words})

    _, one = await user.get(notes, words="a")
    _, two = await user.get(notes, words=["a", "c"])

    assert [note["words"] for note in one["notes"]] == ["a"]
    assert [note["words"] for note in two["notes"]] == ["a", "c"]


async def test_a_body_where_none_belongs_is_refused_but_an_empty_object_is_none(
    api: ApiClient,
) -> None:
    extra = await api.as_user().request("POST", "/v1/year-ends", body={"year": 2026})
    empty = await api.as_user().request("POST", "/v1/year-ends", body={})

    assert_problem(extra, 400, "unexpected-body")
    assert empty.status == 204


async def test_an_upload_reaches_the_handler_as_its_bytes(api: ApiClient, practice: UUID) -> None:
    path = f"/v1/practices/{practice}/uploads"
    headers = {"Content-Type": "application/octet-stream"}
    data = bytes(range(256)) * 400

    answer = await api.as_user().request("POST", path, body=data, headers=headers)
    as_json = await api.as_user().request("POST", path, body={})

    assert (answer.status, answer.raw) == (200, data[::-1])
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert_problem(as_json, 415, "unsupported-media-type")


async def test_one_subject_that_asks_too_often_waits_and_others_do_not(
    database: Database, notes: str
) -> None:
    limits = WebLimits(requests_per_second=0.001, requests_burst=2)
    async with api_client(notebook.endpoints(), database, limits=limits) as api:
        hasty, patient = api.as_user(subject="hasty"), api.as_user(subject="patient")
        answers = [await hasty.request("GET", notes) for _ in range(3)]
        other = await patient.request("GET", notes)

    assert [answer.status for answer in answers] == [200, 200, 429]
    assert_problem(answers[2], 429, "too-many-requests")
    assert int(answers[2].headers["Retry-After"]) >= 1
    assert other.status == 200


async def test_a_sane_correlation_id_is_echoed_and_another_replaced(api: ApiClient) -> None:
    kept = await api.request("GET", "/health/live", headers={"X-Correlation-Id": "order-7.a_b"})
    bad = await api.request("GET", "/health/live", headers={"X-Correlation-Id": "<script>"})
    trace = f"00-{'a' * 32}-{'b' * 16}-01"
    traced = await api.request("GET", "/health/live", headers={"traceparent": trace})

    assert kept.headers["X-Correlation-Id"] == "order-7.a_b"
    assert UUID(bad.headers["X-Correlation-Id"])
    assert traced.headers["X-Correlation-Id"] == "a" * 32


async def test_a_database_that_is_away_is_a_503_with_retry_after(notes: str) -> None:
    database = Database("postgresql+asyncpg://nobody:nothing@127.0.0.1:1/none")
    async with api_client(notebook.endpoints(), database) as api:
        read = await api.as_user().request("GET", notes)
        written = await api.as_user().request("POST", notes, body={"words": "x"})
    await database.close()

    for answer in (read, written):
        assert_problem(answer, 503, "temporarily-unavailable")
        assert int(answer.headers["Retry-After"]) >= 1
        assert b"127.0.0.1" not in answer.raw


async def test_health_names_what_is_missing(database: Database) -> None:
    async def readiness() -> dict[str, bool]:
        return {"database": True, "broker": False}

    async with api_client(notebook.endpoints(), database, readiness=readiness) as api:
        live, ready = await api.get("/health/live"), await api.get("/health/ready")

    assert live == (200, {"status": "live"})
    assert ready[0] == 503
    assert ready[1]["missing"] == ["broker"]


async def test_metrics_count_requests_by_route_template(database: Database, notes: str) -> None:
    metrics = ServiceMetrics("notebook")
    async with api_client(notebook.endpoints(), database, metrics=metrics) as api:
        await api.as_user().get(notes)
        await api.request("GET", f"/{uuid4()}")
        answer = await api.request("GET", "/metrics")

    text = answer.raw.decode()
    assert 'route="/v1/practices/{practice_id}/notes",service="notebook",status="200"} 1.0' in text
    assert 'route="unmatched",service="notebook",status="404"} 1.0' in text
    assert notes not in text
