"""Calls a service's HTTP API in tests: over a real socket, with minted tokens."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID, uuid4

import aiohttp
from aiohttp import web
from pydantic import BaseModel

from shared.db.engine import Database
from shared.kernel.clock import Clock, SystemClock
from shared.observability.metrics import ServiceMetrics
from shared.web.app import ReadinessCheck, create_app
from shared.web.endpoints import EVERY_ROLE, Endpoint, UserRole
from shared.web.keys import SigningKeys
from shared.web.limits import WebLimits
from shared.web.local_issuer import LocalIssuer
from shared.web.proxies import TrustedProxies
from shared.web.server import serving
from shared.web.table import PARAMETER
from shared.web.tokens import ALL_PRACTICES, TokenVerifier

HOST = "127.0.0.1"
ISSUER = "https://issuer.test"
AUDIENCE = "quittance"


@dataclass(frozen=True, slots=True)
class ApiAnswer:
    """One HTTP answer, read to its end."""

    status: int
    headers: Mapping[str, str]
    raw: bytes

    @property
    def json(self) -> Any:
        """The body as JSON; None when there is none."""
        return json.loads(self.raw) if self.raw else None

    @property
    def code(self) -> str | None:
        """The problem code, if the answer is a problem document."""
        is_problem = self.headers.get("Content-Type", "").startswith("application/problem+json")
        return str(self.json["code"]) if is_problem else None


@dataclass(frozen=True, slots=True)
class ApiClient:
    """Calls one API as one user; `as_user` gives the same API to another."""

    session: aiohttp.ClientSession
    base_url: str
    issuer: LocalIssuer
    token: str | None = None

    def as_user(
        self,
        roles: Collection[UserRole | str] = (UserRole.BILLING_OFFICE,),
        practices: Collection[UUID | str] = (ALL_PRACTICES,),
        *,
        subject: str = "user-1",
    ) -> ApiClient:
        """Return a client whose token says this."""
        return self.with_token(self.issuer.mint(subject, roles=roles, practices=practices))

    def with_token(self, token: str | None) -> ApiClient:
        """Return a client with this token, or with none."""
        return replace(self, token=token)

    async def get(self, path: str, **query: str | list[str]) -> tuple[int, Any]:
        """GET; return (status, JSON)."""
        answer = await self.request("GET", path, query=query)
        return answer.status, answer.json

    async def post(
        self,
        path: str,
        body: BaseModel | Mapping[str, Any] | None = None,
        *,
        key: str | None = None,
    ) -> tuple[int, Any]:
        """POST with a fresh Idempotency-Key unless one is given; return (status, JSON)."""
        answer = await self.request("POST", path, body=body, key=key)
        return answer.status, answer.json

    async def put(
        self, path: str, body: BaseModel | Mapping[str, Any] | None = None
    ) -> tuple[int, Any]:
        """PUT; return (status, JSON)."""
        answer = await self.request("PUT", path, body=body)
        return answer.status, answer.json

    async def delete(self, path: str) -> tuple[int, Any]:
        """DELETE; return (status, JSON)."""
        answer = await self.request("DELETE", path)
        return answer.status, answer.json

    async def request(
        self,
        method: str,
        path: str,
        *,
        body: BaseModel | Mapping[str, Any] | bytes | None = None,
        query: Mapping[str, str | list[str]] | None = None,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> ApiAnswer:
        """Send any request; `body` as bytes is sent as it is, as JSON unless the headers differ.

        A header given as "" is left out, also the ones that are otherwise added.
        """
        sent = {"Content-Type": "application/json"} if body is not None else {}
        if self.token is not None:
            sent["Authorization"] = f"Bearer {self.token}"
        if method == "POST":
            sent["Idempotency-Key"] = key or str(uuid4())
        sent = {name: value for name, value in (sent | dict(headers or {})).items() if value}
        async with self.session.request(
            method, self.base_url + path, data=_bytes(body), params=_pairs(query), headers=sent
        ) as response:
            raw = await response.read()
            return ApiAnswer(response.status, response.headers, raw)


@asynccontextmanager
async def api_client(
    endpoints: Sequence[Endpoint],
    database: Database,
    *,
    clock: Clock | None = None,
    service: str = "test-service",
    readiness: ReadinessCheck | None = None,
    metrics: ServiceMetrics | None = None,
    limits: WebLimits | None = None,
    proxies: TrustedProxies | None = None,
) -> AsyncIterator[ApiClient]:
    """Serve these endpoints on loopback; yields a client without a token (see `as_user`)."""
    clock = clock or SystemClock()
    issuer = LocalIssuer.in_memory(issuer=ISSUER, audience=AUDIENCE, clock=clock)
    app = create_app(
        service=service,
        title="Test",
        endpoints=endpoints,
        database=database,
        verifier=verifier_of(issuer, clock),
        clock=clock,
        readiness=readiness,
        metrics=metrics,
        limits=limits,
        proxies=proxies,
    )
    async with client_of(app, issuer) as client:
        yield client


@asynccontextmanager
async def client_of(app: web.Application, issuer: LocalIssuer) -> AsyncIterator[ApiClient]:
    """Serve any application on loopback; yields a client without a token."""
    async with (
        serving(app, HOST, 0) as port,
        aiohttp.ClientSession(auto_decompress=False) as session,
    ):
        yield ApiClient(session, f"http://{HOST}:{port}", issuer)


def verifier_of(issuer: LocalIssuer, clock: Clock) -> TokenVerifier:
    """Return a verifier that knows this issuer's key without asking anybody."""

    async def fetch() -> bytes:
        return json.dumps(issuer.jwks()).encode()

    return TokenVerifier(SigningKeys(fetch), issuer=ISSUER, audience=AUDIENCE, clock=clock)


async def assert_every_route_is_guarded(endpoints: Sequence[Endpoint], client: ApiClient) -> None:
    """Walk the table: no token 401, wrong role 403, foreign practice 404, for every line of it."""
    assert endpoints, "an empty table guards nothing"
    for endpoint in endpoints:
        await _assert_needs_a_token(endpoint, client)
        await _assert_needs_a_role(endpoint, client)
        await _assert_needs_the_practice(endpoint, client)


async def _assert_needs_a_token(endpoint: Endpoint, client: ApiClient) -> None:
    for token in (None, "no.jwt.atall", client.as_user(EVERY_ROLE).token[:-4] + "AAAA"):  # type: ignore[index]
        answer = await client.with_token(token).request(endpoint.method, _filled(endpoint))
        _expect(endpoint, answer, 401)
        assert "WWW-Authenticate" in answer.headers


async def _assert_needs_a_role(endpoint: Endpoint, client: ApiClient) -> None:
    for roles in (set(), EVERY_ROLE - endpoint.roles, {"owner"}):
        stranger = client.as_user(roles)
        answer = await stranger.request(endpoint.method, _filled(endpoint))
        _expect(endpoint, answer, 403, "role-not-allowed")


async def _assert_needs_the_practice(endpoint: Endpoint, client: ApiClient) -> None:
    stranger = client.as_user(endpoint.roles, [uuid4()])
    if endpoint.all_practices_only:
        answer = await stranger.request(endpoint.method, _filled(endpoint))
        _expect(endpoint, answer, 403, "all-practices-required")
    elif "{practice_id}" in endpoint.path:
        answer = await stranger.request(endpoint.method, _filled(endpoint))
        _expect(endpoint, answer, 404, "practice-not-found")


def _expect(endpoint: Endpoint, answer: ApiAnswer, status: int, code: str | None = None) -> None:
    where = f"{endpoint.method} {endpoint.path}"
    assert answer.status == status, f"{where} answered {answer.status}, not {status}"
    assert answer.code is not None, f"{where} refused without a problem document"
    assert code is None or answer.code == code, f"{where} refused with {answer.code}, not {code}"


def _filled(endpoint: Endpoint) -> str:
    return PARAMETER.sub(
        lambda match: str(uuid4()) if match[1].endswith("_id") else "something", endpoint.path
    )


def _bytes(body: BaseModel | Mapping[str, Any] | bytes | None) -> bytes | None:
    if body is None or isinstance(body, bytes):
        return body
    if isinstance(body, BaseModel):
        return body.model_dump_json(by_alias=True).encode()
    return json.dumps(body, default=str).encode()


def _pairs(query: Mapping[str, str | list[str]] | None) -> list[tuple[str, str]]:
    return [
        (name, value)
        for name, given in (query or {}).items()
        for value in (given if isinstance(given, list) else [given])
    ]
