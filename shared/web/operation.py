"""Works one request: who, may they, what do they ask, once, in one transaction, on the record.

The order is the point: nothing of the request is read before the caller is known, nothing is
written before the request is valid, and the answer leaves after the commit.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from uuid import UUID

from aiohttp import web
from pydantic import BaseModel
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.db.engine import Database
from shared.db.scope import Scope
from shared.kernel.clock import Clock
from shared.kernel.errors import StaleError, TransientError
from shared.web import audit, idempotency
from shared.web.audit import Attempt, Outcome
from shared.web.changes import Change, Changed
from shared.web.correlation import correlation_id_of
from shared.web.endpoints import Call, Endpoint, Principal, Reply
from shared.web.idempotency import REPLAYED_HEADER, Answer, Claim
from shared.web.limits import RateLimiter, WebLimits
from shared.web.problems import STALE_CODE, Problem, ProblemError, practice_not_found, problem_of
from shared.web.proxies import TrustedProxies
from shared.web.tokens import TokenVerifier
from shared.web.uploads import Body, read_body
from shared.web.validation import parse_body, parse_path, parse_query

_LOG = logging.getLogger(__name__)
_READ_ONLY = text("SET TRANSACTION READ ONLY")
_REFUSAL_SECONDS = 3.0
JSON = "application/json"
ETAG = "ETag"
IF_MATCH = "If-Match"
IF_NONE_MATCH = "If-None-Match"


@dataclass(frozen=True, slots=True)
class Desk:
    """What every operation of an application works with."""

    database: Database
    verifier: TokenVerifier
    clock: Clock
    limiter: RateLimiter
    limits: WebLimits
    proxies: TrustedProxies


@dataclass(frozen=True, slots=True)
class _Request:
    """The parts of a request, read and valid."""

    query: BaseModel | None
    body: BaseModel | None
    came: Body
    key: str | None
    if_match: str | None = None


class Operation:
    """The request handler of one endpoint.

    Args:
        guard: of a POST: the GET of what it moves, if that has an ETag.
    """

    def __init__(self, endpoint: Endpoint, desk: Desk, *, guard: Endpoint | None = None) -> None:
        self._endpoint = endpoint
        self._desk = desk
        self._guard = guard
        self._reads_only = endpoint.reads_only

    async def handle(self, request: web.Request) -> web.Response:
        """Answer one request, or raise what `problem_of` turns into its problem document."""
        principal = await self._desk.verifier.authenticate(request.headers.get("Authorization"))
        self._desk.limiter.take(principal.subject)
        attempt = Attempt(
            principal=principal,
            operation_id=self._endpoint.operation_id,
            correlation_id=correlation_id_of(request),
            remote_address=self._desk.proxies.caller_of(request.remote, request.headers),
        )
        try:
            return await self._admit(request, attempt)
        except Exception as error:
            await self._record_refusal(attempt, problem_of(error))
            raise

    async def _admit(self, request: web.Request, attempt: Attempt) -> web.Response:
        attempt.path = parse_path(request.match_info)
        attempt.practice_id = authorize(self._endpoint, attempt.principal, attempt.path)
        wanted = await self._read(request, attempt)
        try:
            answer, replayed = await self._work(wanted, attempt)
        finally:
            wanted.came.close()
        headers = {**answer.headers, REPLAYED_HEADER: "true"} if replayed else answer.headers
        return web.Response(status=answer.status, body=answer.body or None, headers=headers)

    async def _read(self, request: web.Request, attempt: Attempt) -> _Request:
        endpoint = self._endpoint
        query = parse_query(endpoint.query, request.query)
        if endpoint.method == "GET":
            return _Request(query, None, Body(), None)
        takes_key = endpoint.method == "POST" and not endpoint.asks_only
        key = idempotency.key_from(request.headers.get(idempotency.HEADER)) if takes_key else None
        limits = self._desk.limits
        came = await read_body(request, endpoint, seconds=limits.body_read_seconds)
        try:
            attempt.request_sha256 = came.sha256()
            body = None
            if endpoint.request is not None:
                body = parse_body(endpoint.request, came.raw, depth_max=limits.json_depth_max)
            if self._guard is not None:
                if_match = request.headers.get(IF_MATCH, "").strip() or None
            else:
                if_match = if_match_of(request, endpoint)
        except BaseException:
            came.close()
            raise
        return _Request(query, body, came, key, if_match)

    async def _work(self, wanted: _Request, attempt: Attempt) -> tuple[Answer, bool]:
        scope = self._scope(attempt)
        async with self._desk.database.transaction(scope) as connection:
            if self._reads_only:
                await connection.execute(_READ_ONLY)
                reply = await self._handle(connection, wanted, attempt)
                return answer_of(self._endpoint, reply), False
            claim = self._claim(wanted, attempt)
            stored = await self._stored(connection, claim, scope)
            if stored is not None:
                return stored, True
            reply = await self._handle(connection, wanted, attempt)
            answer = answer_of(self._endpoint, reply)
            if claim is not None:
                await idempotency.keep(connection, claim, answer, scope=scope)
            now = self._desk.clock.now()
            for change in changes_of(self._endpoint, reply):
                outcome = Outcome(answer.status, change=change)
                await audit.write(connection, attempt, outcome, scope=scope, at=now)
        return answer, False

    async def _handle(
        self, connection: AsyncConnection, wanted: _Request, attempt: Attempt
    ) -> Reply:
        is_upload = self._endpoint.request_media_type != JSON
        call = Call(
            principal=attempt.principal,
            connection=connection,
            path=attempt.path,
            query=wanted.query,
            body=wanted.body,
            correlation_id=attempt.correlation_id,
            raw_body=wanted.came.raw if is_upload and wanted.came.spool is None else None,
            files=wanted.came.files,
            upload=wanted.came.spool,
            if_match=wanted.if_match,
        )
        if self._guard is not None and wanted.if_match is not None:
            await check_unchanged(self._guard, call, wanted.if_match)
        return await self._endpoint.handler(call)

    async def _stored(
        self, connection: AsyncConnection, claim: Claim | None, scope: Scope
    ) -> Answer | None:
        if claim is None:
            return None
        now = self._desk.clock.now()
        return await idempotency.claim(connection, claim, scope=scope, now=now)

    def _claim(self, wanted: _Request, attempt: Attempt) -> Claim | None:
        if wanted.key is None:
            return None
        return Claim(
            subject=attempt.principal.subject,
            route=route_of(self._endpoint, attempt.path),
            key=wanted.key,
            practice_id=attempt.practice_id,
            request_sha256=request_hash(wanted.came, wanted.query),
        )

    def _scope(self, attempt: Attempt) -> Scope:
        practice_id = attempt.practice_id
        return attempt.principal.scope() if practice_id is None else Scope.of(practice_id)

    async def _record_refusal(self, attempt: Attempt, problem: Problem) -> None:
        if self._reads_only:
            return
        outcome = Outcome(problem.status, problem.code)
        scope, now = Scope.everything(), self._desk.clock.now()
        try:
            async with (
                asyncio.timeout(_REFUSAL_SECONDS),
                self._desk.database.transaction(scope) as connection,
            ):
                await audit.write(connection, attempt, outcome, scope=scope, at=now)
        except (TransientError, TimeoutError, SQLAlchemyError):
            # The request was refused either way; its refusal must still reach the caller.
            _LOG.exception(
                "a refused request could not be written to the audit log",
                extra={"operation_id": attempt.operation_id, "status": problem.status},
            )


def authorize(
    endpoint: Endpoint, principal: Principal, path: Mapping[str, UUID | str]
) -> UUID | None:
    """Return the practice that the request is about, or None when it is about no single one.

    Raises:
        ProblemError: 403 when the role does not allow it, 404 for a practice that the token does
            not open: a stranger cannot tell it from one that does not exist.
    """
    if principal.roles.isdisjoint(endpoint.roles):
        detail = "Your role does not allow this."
        raise ProblemError(Problem(403, "role-not-allowed", detail))
    if endpoint.all_practices_only and not principal.all_practices:
        detail = "This is open only to those who work for all practices."
        raise ProblemError(Problem(403, "all-practices-required", detail))
    practice_id = path.get("practice_id")
    if not isinstance(practice_id, UUID):
        return None
    if not principal.scope().allows(practice_id):
        raise ProblemError(practice_not_found())
    return practice_id


def if_match_of(request: web.Request, endpoint: Endpoint) -> str | None:
    """Return the ETag that a conditional request names, without its quotes; else None.

    Empty: it says that there is none yet, where it may create.

    Raises:
        ProblemError: 428 when a conditional request names none.
    """
    if not endpoint.conditional:
        return None
    given = request.headers.get(IF_MATCH, "").strip()
    if endpoint.may_create and not given:
        if request.headers.get(IF_NONE_MATCH, "").strip() == "*":
            return ""
        detail = "Read it first, and send its ETag as If-Match; if there is none: If-None-Match: *."
        raise ProblemError(Problem(428, "precondition-required", detail, field=IF_MATCH))
    if not given.strip('"'):
        detail = "Read it first, and send the ETag that came with it as If-Match."
        raise ProblemError(Problem(428, "precondition-required", detail, field=IF_MATCH))
    return given.strip('"')


async def check_unchanged(guard: Endpoint, call: Call, if_match: str) -> None:
    """Check that what a request moves is what its caller read, and keep it so.

    Args:
        guard: the GET that shows it.
        if_match: one ETag of it or several; "*" is whatever there is.

    Raises:
        StaleError: it is another by now.
    """
    assert guard.holds is not None, guard.operation_id  # noqa: S101 - the table says so
    await guard.holds(call)
    present = answer_of(guard, await guard.handler(replace(call, query=None, body=None)))
    given = {one.strip() for one in if_match.split(",")}
    if given.isdisjoint({"*", present.headers[ETAG]}):
        detail = "Somebody or something has changed this since you read it. Read it again."
        raise StaleError(detail, code=STALE_CODE)


def route_of(endpoint: Endpoint, path: Mapping[str, UUID | str]) -> str:
    """Return method and path of a request, ids in their canonical form."""
    filled = endpoint.path
    for name, value in path.items():
        filled = filled.replace(f"{{{name}}}", str(value))
    return f"{endpoint.method} {filled}"


def request_hash(came: Body, query: BaseModel | None) -> str:
    """Return the SHA-256 of what a request asks for: its body and its query."""
    return came.sha256(b"" if query is None else b"?" + query.model_dump_json().encode())


def changes_of(endpoint: Endpoint, reply: Reply) -> tuple[Change, ...]:
    """Return what an operation that is no read says it changed.

    Raises:
        TypeError: it does not say; a fault of the service, and nothing is kept of the request.
    """
    if not isinstance(reply, Changed):
        raise TypeError(f"{endpoint.operation_id} does not say what it changed")
    return reply.changes


def answer_of(endpoint: Endpoint, reply: Reply) -> Answer:
    """Return the HTTP answer of a handler's reply.

    Raises:
        TypeError, ValueError: the reply is not what the endpoint declares; a fault of the service.
    """
    status = endpoint.status if reply.status is None else reply.status
    if not 200 <= status < 400:
        raise ValueError(f"{endpoint.operation_id} replied {status}; a refusal is raised")
    headers = dict(reply.headers)
    if reply.body is None:
        return Answer(status, headers, b"")
    if isinstance(reply.body, bytes):
        headers.setdefault("Content-Type", endpoint.response_media_type)
        return Answer(status, headers, reply.body)
    if endpoint.response is None or not isinstance(reply.body, endpoint.response):
        kind = type(reply.body).__name__
        raise TypeError(f"{endpoint.operation_id} declares no answer of type {kind}")
    headers["Content-Type"] = JSON
    body = reply.body.model_dump_json(by_alias=True).encode()
    if endpoint.holds is not None:
        headers.setdefault(ETAG, f'"{hashlib.sha256(body).hexdigest()[:32]}"')
    return Answer(status, headers, body)
