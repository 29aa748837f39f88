"""The edge of the application: every request in and every answer out passes here.

It gives the request its correlation id, turns every error into a problem document, adds the
security headers, and tells the logs and the metrics.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable

from aiohttp import web
from aiohttp.typedefs import Middleware

from shared.kernel.context import working_on
from shared.observability.metrics import ServiceMetrics
from shared.web import correlation
from shared.web.problems import ProblemError, problem_of, problem_response

_LOG = logging.getLogger(__name__)
_ACCESS = logging.getLogger("quittance.access")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
UNMATCHED = "unmatched"
_QUIET = frozenset({"/health/live", "/health/ready", "/metrics"})
SECURITY_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Server": "quittance",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def edge_middleware(metrics: ServiceMetrics | None) -> Middleware:
    """Return the outermost middleware of an application."""

    @web.middleware
    async def edge(request: web.Request, handler: Handler) -> web.StreamResponse:
        work = correlation.work_of(request.headers)
        started = time.perf_counter()
        with working_on(work):
            response = await _answer(request, handler, instance=work.correlation_id)
            protect(response, correlation_id=work.correlation_id)
            _tell(request, response.status, time.perf_counter() - started, metrics)
        return response

    return edge


def protect(response: web.StreamResponse, *, correlation_id: str) -> None:
    """Add the headers that every answer carries."""
    for name, value in SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers[correlation.HEADER] = correlation_id


async def _answer(request: web.Request, handler: Handler, *, instance: str) -> web.StreamResponse:
    try:
        return await handler(request)
    except Exception as error:  # noqa: BLE001 - the caller gets a problem document, whatever it is
        problem = problem_of(error)
        if problem.status == 500:
            _LOG.exception("a request failed", extra={"route": _route(request)})
        elif problem.status == 503 and not isinstance(error, ProblemError):
            _LOG.warning("a request must wait", extra={"route": _route(request)}, exc_info=True)
        return problem_response(problem, instance=instance)


def _tell(
    request: web.Request, status: int, seconds: float, metrics: ServiceMetrics | None
) -> None:
    route = _route(request)
    if metrics is not None:
        metrics.request_done(method=request.method, route=route, status=status, seconds=seconds)
    level = logging.DEBUG if route in _QUIET else logging.INFO
    facts = {"method": request.method, "route": route, "status": status}
    duration = {"duration_ms": round(seconds * 1000, 1)}
    _ACCESS.log(level, "request answered", extra=facts | duration)


def _route(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return UNMATCHED if resource is None else resource.canonical
