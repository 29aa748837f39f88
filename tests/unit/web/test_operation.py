"""Who may, and what a reply becomes."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID, uuid4

import pytest
from aiohttp.test_utils import make_mocked_request

from shared.web.correlation import work_of
from shared.web.endpoints import ApiModel, Call, Endpoint, Principal, Reply, UserRole
from shared.web.operation import answer_of, authorize, if_match_of, request_hash, route_of
from shared.web.problems import ProblemError
from shared.web.uploads import Body as Came

PRACTICE = uuid4()


class Body(ApiModel):
    x: int


class Other(ApiModel):
    y: int


async def handler(_: Call) -> Reply:
    return Reply()


ENDPOINT = Endpoint(
    "GET", "/v1/practices/{practice_id}/x", "showX", "Show", handler,
    frozenset({UserRole.ADMIN}), response=Body,
)  # fmt: skip


def a_principal(
    *roles: UserRole, practices: frozenset[UUID] = frozenset(), all_practices: bool = False
) -> Principal:
    return Principal("anna", frozenset(roles), practices, all_practices)


def refusal(endpoint: Endpoint, principal: Principal, **path: UUID) -> tuple[int, str]:
    with pytest.raises(ProblemError) as caught:
        authorize(endpoint, principal, path)
    return caught.value.problem.status, caught.value.problem.code


def test_role_and_practice_are_both_needed() -> None:
    mine = frozenset({PRACTICE})
    good = a_principal(UserRole.ADMIN, practices=mine)

    assert authorize(ENDPOINT, good, {"practice_id": PRACTICE}) == PRACTICE
    assert authorize(ENDPOINT, good, {}) is None
    wrong_role = a_principal(UserRole.ASSISTANT, practices=mine)
    assert refusal(ENDPOINT, wrong_role, practice_id=PRACTICE) == (403, "role-not-allowed")
    assert refusal(ENDPOINT, a_principal(), practice_id=PRACTICE) == (403, "role-not-allowed")
    assert refusal(ENDPOINT, good, practice_id=uuid4()) == (404, "practice-not-found")


def test_some_endpoints_need_a_token_for_all_practices() -> None:
    endpoint = replace(ENDPOINT, all_practices_only=True)
    some = a_principal(UserRole.ADMIN, practices=frozenset({PRACTICE}))
    every = a_principal(UserRole.ADMIN, all_practices=True)

    assert refusal(endpoint, some, practice_id=PRACTICE) == (403, "all-practices-required")
    assert authorize(endpoint, every, {"practice_id": PRACTICE}) == PRACTICE


def test_a_model_is_answered_as_json() -> None:
    answer = answer_of(ENDPOINT, Reply(Body(x=1), headers={"ETag": '"1"'}))

    assert (answer.status, answer.body) == (200, b'{"x":1}')
    assert answer.headers == {"ETag": '"1"', "Content-Type": "application/json"}


def test_bytes_are_answered_as_they_are_and_nothing_as_nothing() -> None:
    download = replace(ENDPOINT, response=None, response_media_type="application/zip")

    assert answer_of(download, Reply(b"PK")).headers == {"Content-Type": "application/zip"}
    assert answer_of(replace(ENDPOINT, status=202), Reply()).status == 202
    assert answer_of(ENDPOINT, Reply(status=204)).body == b""


def test_a_reply_that_the_table_does_not_declare_is_a_fault() -> None:
    with pytest.raises(TypeError, match="showX declares no answer of type Other"):
        answer_of(ENDPOINT, Reply(Other(y=1)))
    with pytest.raises(ValueError, match="a refusal is raised"):
        answer_of(ENDPOINT, Reply(status=409))


def test_a_route_is_method_and_path_with_the_ids_filled_in() -> None:
    assert route_of(ENDPOINT, {"practice_id": PRACTICE}) == f"GET /v1/practices/{PRACTICE}/x"


def test_the_hash_of_a_request_covers_body_and_query() -> None:
    hashes = {
        request_hash(Came(b"a"), None),
        request_hash(Came(b"b"), None),
        request_hash(Came(b"a"), Body(x=1)),
        request_hash(Came(b"a"), Body(x=2)),
    }

    assert len(hashes) == 4


@pytest.mark.parametrize(
    ("headers", "correlation_id"),
    [
        ({"X-Correlation-Id": "order-7"}, "order-7"),
        ({"X-Correlation-Id": "a b", "traceparent": f"00-{'a' * 32}-{'b' * 16}-01"}, "a" * 32),
        ({"X-Correlation-Id": "c", "traceparent": f"00-{'a' * 32}-{'b' * 16}-01"}, "c"),
    ],
)
def test_the_callers_number_is_taken_when_it_is_sane(
    headers: dict[str, str], correlation_id: str
) -> None:
    assert work_of(headers).correlation_id == correlation_id


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Correlation-Id": "x" * 101},
        {"X-Correlation-Id": "a\nb"},
        {"traceparent": f"00-{'0' * 32}-{'b' * 16}-01"},
        {"traceparent": f"00-{'a' * 32}-{'0' * 16}-01"},
    ],
)
def test_without_a_sane_number_a_new_one_is_made(headers: dict[str, str]) -> None:
    work = work_of(headers)

    assert UUID(work.correlation_id)
    assert work.traceparent is None


def test_the_trace_is_handed_on() -> None:
    trace = f"00-{'a' * 32}-{'b' * 16}-01"

    assert work_of({"traceparent": trace}).traceparent == trace


@pytest.mark.parametrize(
    ("may_create", "headers", "expected"),
    [
        (False, {"If-Match": '"3"'}, "3"),
        (False, {}, "precondition-required"),
        (False, {"If-Match": '""'}, "precondition-required"),
        (False, {"If-None-Match": "*"}, "precondition-required"),
        (True, {"If-Match": '"3"'}, "3"),
        (True, {"If-Match": '""'}, "precondition-required"),
        (True, {"If-None-Match": "*"}, ""),
        (True, {"If-None-Match": '"3"'}, "precondition-required"),
        (True, {"If-Match": '"3"', "If-None-Match": "*"}, "3"),
        (True, {}, "precondition-required"),
    ],
)
def test_an_edit_says_what_was_read_or_that_there_was_nothing(
    headers: dict[str, str], expected: str, *, may_create: bool
) -> None:
    endpoint = replace(ENDPOINT, method="PUT", conditional=True, may_create=may_create)
    request = make_mocked_request("PUT", "/", headers=headers)
    refusals = [expected] if expected == "precondition-required" else []
    found = []
    try:
        found.append(if_match_of(request, endpoint))
    except ProblemError as error:
        refusals.remove(error.problem.code)
        found.append(expected)
    assert (found, refusals) == ([expected], [])
