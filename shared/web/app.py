"""Builds a service's HTTP application from its table of endpoints."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence

from aiohttp import web

from shared.db.engine import Database
from shared.kernel.clock import Clock
from shared.observability.metrics import CONTENT_TYPE, ServiceMetrics
from shared.web.edge import edge_middleware
from shared.web.endpoints import Endpoint
from shared.web.idempotency import forget_old_answers
from shared.web.limits import RateLimiter, WebLimits
from shared.web.openapi import API_VERSION, openapi_document
from shared.web.operation import JSON, Desk, Operation
from shared.web.proxies import TrustedProxies
from shared.web.table import check_table, guards_of
from shared.web.tokens import TokenVerifier

ReadinessCheck = Callable[[], Awaitable[Mapping[str, bool]]]
_STOP_SECONDS = 5.0


def create_app(
    *,
    service: str,
    title: str,
    endpoints: Sequence[Endpoint],
    database: Database,
    verifier: TokenVerifier,
    clock: Clock,
    readiness: ReadinessCheck | None = None,
    metrics: ServiceMetrics | None = None,
    limits: WebLimits | None = None,
    proxies: TrustedProxies | None = None,
) -> web.Application:
    """Return the application: the table's routes, health, metrics and the OpenAPI document.

    While it runs it keeps the issuer's keys fresh and forgets old stored answers.

    Args:
        service: as in shared.contracts.topics.
        title: of the OpenAPI document.
        readiness: what the service needs, by name, and whether it answers.
        metrics: of this service; None: `/metrics` answers 404.
        limits: None: the defaults.
        proxies: who may say from where a request comes; None: nobody.

    Raises:
        ValueError: the table contradicts itself.
    """
    check_table(endpoints)
    limits = limits or WebLimits()
    proxies = proxies or TrustedProxies()
    desk = Desk(database, verifier, clock, RateLimiter(limits), limits, proxies)
    app = web.Application(middlewares=[edge_middleware(metrics)])
    guards = guards_of(endpoints)
    for endpoint in endpoints:
        operation = Operation(endpoint, desk, guard=guards.get(endpoint.operation_id))
        app.router.add_route(endpoint.method, endpoint.path, operation.handle)
    document = openapi_document(service, title, API_VERSION, endpoints)
    app.router.add_get("/openapi.json", _serve_document(document), allow_head=False)
    _add_health(app, readiness)
    if metrics is not None:
        app.router.add_get("/metrics", _serve_metrics(metrics), allow_head=False)
    app.cleanup_ctx.append(_background(desk))
    return app


def _add_health(app: web.Application, readiness: ReadinessCheck | None) -> None:
    async def live(_: web.Request) -> web.Response:
        return web.json_response({"status": "live"})

    async def ready(_: web.Request) -> web.Response:
        answers = await readiness() if readiness is not None else {}
        missing = sorted(name for name, there in answers.items() if not there)
        status = "waiting" if missing else "ready"
        document = {"status": status, "missing": missing, "checks": dict(answers)}
        return web.json_response(document, status=503 if missing else 200)

    app.router.add_get("/health/live", live, allow_head=False)
    app.router.add_get("/health/ready", ready, allow_head=False)


def _serve_document(
    document: Mapping[str, object],
) -> Callable[[web.Request], Awaitable[web.Response]]:
    body = json.dumps(document, ensure_ascii=False).encode()

    async def serve(_: web.Request) -> web.Response:
        return web.Response(body=body, content_type=JSON)

    return serve


def _serve_metrics(metrics: ServiceMetrics) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def serve(_: web.Request) -> web.Response:
        return web.Response(body=await metrics.render(), headers={"Content-Type": CONTENT_TYPE})

    return serve


def _background(desk: Desk) -> Callable[[web.Application], AsyncIterator[None]]:
    async def run(_: web.Application) -> AsyncIterator[None]:
        stop = asyncio.Event()
        kept = desk.limits.answers_kept_seconds
        work = [
            asyncio.create_task(desk.verifier.keys.keep_fresh(stop), name="issuer keys"),
            asyncio.create_task(
                forget_old_answers(desk.database, desk.clock, kept_seconds=kept, stop=stop),
                name="old answers",
            ),
        ]
        yield
        stop.set()
        await asyncio.wait(work, timeout=_STOP_SECONDS)
        for task in work:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)

    return run
