"""Problem documents (RFC 9457): the one form in which an API says no, and who gets which.

A document names what is wrong in plain words and with a stable code. It never shows a submitted
value, a stack, or what the database said: those may hold personal data or help an attacker.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from aiohttp import web
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from shared.db.engine import is_transient, sqlstate
from shared.kernel.errors import (
    ConflictError,
    DomainError,
    NotFoundError,
    StaleError,
    TransientError,
)

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 5
# Foreign key, unique and exclusion violations: the request contradicts what another one stored.
_CONFLICT_SQLSTATES = frozenset({"23503", "23505", "23P01"})
_READ_ONLY_SQLSTATE = "25006"
_HTTP_CODES = {
    HTTPStatus.BAD_REQUEST: ("malformed-request", "The request is not well-formed HTTP."),
    HTTPStatus.NOT_FOUND: ("not-found", "There is nothing at this address."),
    HTTPStatus.METHOD_NOT_ALLOWED: (
        "method-not-allowed",
        "This address does not know that method.",
    ),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: ("request-too-large", "The request is too large."),
    HTTPStatus.EXPECTATION_FAILED: (
        "expectation-failed",
        "The only expectation known here is 100-continue.",
    ),
}


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """What is wrong with one field: a dotted path, a stable code, plain words."""

    field: str
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class Problem:
    """One refusal, before it becomes an answer.

    Attributes:
        code: stable and kebab-case; the end of the problem's `type`.
        field: the request's field, header or parameter that caused it, or None.
        facts: further JSON-compatible members.
        errors: one per field, when several may be wrong.
        headers: HTTP headers that belong to the answer.
    """

    status: int
    code: str
    detail: str
    field: str | None = None
    facts: Mapping[str, object] = dataclasses.field(default_factory=dict)
    errors: tuple[FieldProblem, ...] = ()
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def document(self, *, instance: str) -> dict[str, object]:
        """Return the members of the problem document; `instance` is the correlation id."""
        members: dict[str, object] = {
            "type": f"/problems/{self.code}",
            "title": self.code.replace("-", " ").replace("_", " ").capitalize(),
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "instance": instance,
        }
        if self.field is not None:
            members["field"] = self.field
        if self.facts:
            members["facts"] = dict(self.facts)
        if self.errors:
            members["errors"] = [
                {"field": error.field, "code": error.code, "reason": error.reason}
                for error in self.errors
            ]
        return members


STALE_CODE = "changed-meanwhile"
"""What is changed or moved is no more what the caller read."""


class ProblemError(Exception):
    """Ends a request with this problem; raised by the web layer only, never by a handler."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.code)
        self.problem = problem


def problem_of(error: BaseException) -> Problem:
    """Return the problem that an error of any kind means for the caller."""
    match error:
        case ProblemError():
            return error.problem
        case DomainError():
            return _of_domain_error(error)
        case web.HTTPException():
            return _of_http_exception(error)
        case DBAPIError() if sqlstate(error) in _CONFLICT_SQLSTATES:
            return Problem(409, "conflict", "The request contradicts what is already stored.")
        case _:
            return unavailable() if _will_pass(error) else internal_error()


def unavailable(detail: str = "This is not available for the moment; please try again.") -> Problem:
    """Return the problem of something that will pass (503 with Retry-After)."""
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)}
    return Problem(503, "temporarily-unavailable", detail, headers=headers)


def internal_error() -> Problem:
    """Return the problem of a fault of ours; the log has the rest under the correlation id."""
    detail = "Something went wrong here. Please give the support the number under 'instance'."
    return Problem(500, "internal-error", detail)


def practice_not_found() -> Problem:
    """Return the one answer for a practice that is foreign and for one that does not exist."""
    return Problem(404, "practice-not-found", "There is no such practice.", field="practice_id")


def problem_response(problem: Problem, *, instance: str) -> web.Response:
    """Return the HTTP answer that carries a problem document."""
    body = json.dumps(problem.document(instance=instance), ensure_ascii=False, default=str)
    return web.Response(
        status=problem.status,
        body=body.encode("utf-8", "replace"),
        headers=dict(problem.headers),
        content_type=MEDIA_TYPE,
    )


def _of_domain_error(error: DomainError) -> Problem:
    status = 422
    if isinstance(error, NotFoundError):
        status = 404
    elif isinstance(error, StaleError):
        status = 412
    elif isinstance(error, ConflictError):
        status = 409
    return Problem(status, error.code, str(error), field=error.field, facts=error.facts)


def _of_http_exception(error: web.HTTPException) -> Problem:
    status = HTTPStatus(error.status)
    phrase = status.phrase
    code, detail = _HTTP_CODES.get(status, (phrase.lower().replace(" ", "-"), f"{phrase}."))
    headers = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else {}
    return Problem(error.status, code, detail, headers=headers)


def _will_pass(error: BaseException) -> bool:
    """Whether the same request may succeed later.

    A request that may only read and has tried to write is our fault, not a passing one.
    """
    cause = error.__cause__ if isinstance(error, TransientError) else error
    if cause is not None and sqlstate(cause) == _READ_ONLY_SQLSTATE:
        return False
    if isinstance(error, DBAPIError):
        return is_transient(error)
    return isinstance(error, (TransientError, PoolTimeoutError))
