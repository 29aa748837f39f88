"""An error's class decides the answer, and no answer says more than its words."""

from __future__ import annotations

import json

import pytest
from aiohttp import web
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from shared.kernel.errors import (
    ConflictError,
    ContractError,
    DomainError,
    NotFoundError,
    PermanentError,
    TooEarlyError,
    TransientError,
)
from shared.web.problems import FieldProblem, Problem, problem_of, problem_response


class DriverError(Exception):
    def __init__(self, sqlstate: str | None) -> None:
        super().__init__("Key (ahv)=(756.1234.5678.97) already exists")
        self.sqlstate = sqlstate


def database_error(sqlstate: str | None, kind: type[DBAPIError] = DBAPIError) -> DBAPIError:
    return kind("INSERT", {"ahv": "756.1234.5678.97"}, DriverError(sqlstate))


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (DomainError("No.", code="no-good"), 422, "no-good"),
        (NotFoundError("No.", code="note-not-found"), 404, "note-not-found"),
        (ConflictError("No.", code="order-in-flight"), 409, "order-in-flight"),
        (TransientError("756.1234"), 503, "temporarily-unavailable"),
        (TooEarlyError("756.1234", waits_for="x"), 503, "temporarily-unavailable"),
        (PermanentError("756.1234"), 500, "internal-error"),
        (ContractError("756.1234"), 500, "internal-error"),
        (ValueError("756.1234"), 500, "internal-error"),
        (TimeoutError(), 500, "internal-error"),
        (PoolTimeoutError("pool 756.1234"), 503, "temporarily-unavailable"),
        (database_error("23505", IntegrityError), 409, "conflict"),
        (database_error("23503", IntegrityError), 409, "conflict"),
        (database_error("23P01", IntegrityError), 409, "conflict"),
        (database_error("23514", IntegrityError), 500, "internal-error"),
        (database_error("40001"), 503, "temporarily-unavailable"),
        (database_error("22003"), 500, "internal-error"),
        (database_error("25006"), 500, "internal-error"),
        (caused(TransientError("x"), database_error("25006")), 500, "internal-error"),
        (caused(TransientError("x"), database_error("40P01")), 503, "temporarily-unavailable"),
        (web.HTTPNotFound(), 404, "not-found"),
        (web.HTTPMethodNotAllowed("PATCH", {"GET"}), 405, "method-not-allowed"),
        (web.HTTPRequestEntityTooLarge(1, 2), 413, "request-too-large"),
        (web.HTTPGone(), 410, "gone"),
    ],
)
def test_an_error_becomes_its_problem(error: Exception, status: int, code: str) -> None:
    problem = problem_of(error)
    document = json.dumps(problem.document(instance="c-1"))

    assert (problem.status, problem.code) == (status, code)
    assert "756.1234" not in document
    assert ("Retry-After" in problem.headers) == (status == 503)


def test_a_method_that_is_not_allowed_says_which_are() -> None:
    assert problem_of(web.HTTPMethodNotAllowed("PUT", ["GET"])).headers["Allow"] == "GET"


def test_a_problem_document_has_the_members_of_rfc_9457_and_ours() -> None:
    error = ConflictError("An order is in flight.", code="order-in-flight", field="a", order="o-1")

    document = problem_of(error).document(instance="c-1")

    assert document == {
        "type": "/problems/order-in-flight",
        "title": "Order in flight",
        "status": 409,
        "detail": "An order is in flight.",
        "code": "order-in-flight",
        "instance": "c-1",
        "field": "a",
        "facts": {"order": "o-1"},
    }


def test_errors_per_field_are_listed() -> None:
    problem = Problem(422, "invalid-request", "No.", errors=(FieldProblem("a.0", "missing", "m"),))

    document = problem.document(instance="c-1")

    assert document["errors"] == [{"field": "a.0", "code": "missing", "reason": "m"}]


def test_an_answer_can_be_written_even_when_a_word_is_not_well_formed() -> None:
    response = problem_response(Problem(422, "x", "a\ud800b"), instance="c-1")

    assert response.content_type == "application/problem+json"
    assert isinstance(response.body, bytes)
    assert json.loads(response.body)["detail"] == "a?b"
