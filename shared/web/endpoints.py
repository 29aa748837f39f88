"""What a service says about its HTTP API: a table of endpoints, from which all else follows.

The table gives the routes, the request validation, the access rules, the OpenAPI document and the
test that walks every route; an endpoint that is not in it does not exist.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.db.scope import Scope
from shared.web.spool import Spool

M = TypeVar("M", bound=BaseModel)


class UserRole(StrEnum):
    """What a person may do; always within the practices of their token."""

    ASSISTANT = "assistant"
    BILLING_OFFICE = "billing_office"
    CONTROLLER = "controller"
    ADMIN = "admin"


EVERY_ROLE = frozenset(UserRole)
WORKING_ROLES = frozenset({UserRole.ASSISTANT, UserRole.BILLING_OFFICE, UserRole.ADMIN})
"""Those who do the daily work; a controller reads only."""


@dataclass(frozen=True, slots=True)
class Principal:
    """The person or machine behind a verified token."""

    subject: str
    roles: frozenset[UserRole]
    practices: frozenset[UUID]
    all_practices: bool

    def scope(self) -> Scope:
        """Return whose rows this principal may see."""
        return Scope.everything() if self.all_practices else Scope.among(self.practices)


class ApiModel(BaseModel):
    """Base of request and response bodies: frozen, unknown fields refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """A file of an upload of several: the name that the caller gives it, no path, and its bytes."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Call:
    """One authorised, validated request.

    Attributes:
        connection: open transaction; its scope is the practice of the path, or the principal's.
        path: path parameters; names ending in `_id` are UUIDs, others text.
        query, body: validated models, as the endpoint declared them.
        raw_body: the bytes of an upload (an endpoint whose `request_media_type` is not JSON).
        upload: instead of them, where the endpoint spools its uploads; open for as long as the
            request is worked.
        files: of an upload of several (`multipart/form-data`), at least one; `raw_body` is empty.
        if_match: the ETag that a conditional request names, without its quotes; empty: the request
            says that there is none yet.
    """

    principal: Principal
    connection: AsyncConnection
    path: Mapping[str, UUID | str]
    query: BaseModel | None
    body: BaseModel | None
    correlation_id: str
    raw_body: bytes | None = None
    upload: Spool | None = None
    files: tuple[UploadedFile, ...] = ()
    if_match: str | None = None

    def path_id(self, name: str) -> UUID:
        """Return a UUID path parameter."""
        value = self.path[name]
        assert isinstance(value, UUID), name  # noqa: S101 - the framework parsed it
        return value

    def body_as(self, model: type[M]) -> M:
        """Return the body as the model that the endpoint declares as its `request`."""
        assert isinstance(self.body, model), model.__name__  # noqa: S101 - the framework parsed it
        return self.body

    def query_as(self, model: type[M]) -> M:
        """Return the query as the model that the endpoint declares, or as a base of it."""
        assert isinstance(self.query, model), model.__name__  # noqa: S101 - as above
        return self.query

    @property
    def practice_id(self) -> UUID:
        """The practice of the path."""
        return self.path_id("practice_id")


@dataclass(frozen=True, slots=True)
class Reply:
    """What a handler answers: a model (JSON), bytes, or nothing.

    An operation that changes something answers a `changes.Changed`, which says what.
    """

    body: BaseModel | bytes | None = None
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One operation of an API.

    Attributes:
        path: aiohttp form; a path with `{practice_id}` is open only to tokens of that practice.
        operation_id: camelCase, unique within the API.
        roles: who may call it; never empty.
        request, query, response: pydantic models; None where there is none.
        response_media_type: other than JSON for downloads.
        status: of a successful answer.
        waits: what 202 says instead, where the work may have to wait for something; else empty.
        problem_codes: reasons that the handler itself may refuse with, for the documentation.
        all_practices_only: whether the token must be valid for all practices.
        request_media_type: other than JSON for uploads; the handler then reads `Call.raw_body`.
        spools: whether an upload rests on the disk; the handler then reads `Call.upload`.
        further_media_types: that the upload may have instead; the bytes tell which it is. With
            `multipart/form-data` it may be several files, which the handler reads in `Call.files`.
        asks_only: a POST that changes nothing, a question too long for an address; it is answered
            afresh each time and takes no idempotency key.
        conditional: a change of what was read before: it needs the ETag of that in `If-Match`.
        holds: of a GET of one thing: keeps the thing from everybody else until the transaction
            ends. Its answer has an ETag then, and every POST right under its path takes an
            `If-Match` with it, optional.
        may_create: a conditional PUT that may be the first of its thing; `If-None-Match: *` then
            says that there was none.
    """

    method: str
    path: str
    operation_id: str
    summary: str
    handler: Callable[[Call], Awaitable[Reply]]
    roles: frozenset[UserRole]
    request: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    response: type[BaseModel] | None = None
    response_media_type: str = "application/json"
    status: int = 200
    waits: str = ""
    problem_codes: tuple[str, ...] = ()
    all_practices_only: bool = False
    max_body_bytes: int = 1_048_576
    request_media_type: str = "application/json"
    spools: bool = False
    further_media_types: tuple[str, ...] = ()
    asks_only: bool = False
    conditional: bool = False
    may_create: bool = False
    holds: Callable[[Call], Awaitable[object]] | None = None

    @property
    def reads_only(self) -> bool:
        """Whether its transaction is read only: no key, no stored answer, no audit line."""
        return self.method == "GET" or self.asks_only
