"""Serves an application on a port until asked to stop, and then finishes the requests in hand."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from shared.web.correlation import correlation_id_of
from shared.web.edge import protect
from shared.web.problems import Problem, internal_error, problem_of, problem_response

_LOG = logging.getLogger(__name__)
FINISH_SECONDS = 8.0
_KEEPALIVE_SECONDS = 75.0
_LINGER_SECONDS = 2.0
_HEADER_BYTES_MAX = 65_536  # a token may name some hundred practices
_RawHandler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


async def run_app(
    app: web.Application,
    host: str,
    port: int,
    stop: asyncio.Event,
    *,
    on_bound: Callable[[int], None] | None = None,
) -> None:
    """Serve until `stop` is set; then take no more requests, finish those in hand, and return.

    Args:
        port: 0 takes a free one.
        on_bound: told the port that was taken, once it accepts connections.

    Raises:
        OSError: the port is taken.
    """
    async with serving(app, host, port) as bound:
        _LOG.info("listening", extra={"host": host, "port": bound})
        if on_bound is not None:
            on_bound(bound)
        await stop.wait()


@asynccontextmanager
async def serving(app: web.Application, host: str, port: int) -> AsyncIterator[int]:
    """Serve for the duration of the block; yields the port."""
    runner = ProblemRunner(
        app,
        handle_signals=False,
        shutdown_timeout=FINISH_SECONDS,
        access_log=None,
        keepalive_timeout=_KEEPALIVE_SECONDS,
        lingering_time=_LINGER_SECONDS,
        auto_decompress=False,
        max_field_size=_HEADER_BYTES_MAX,
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()


class ProblemRunner(web.AppRunner):
    """Runs an application so that also what fails before its middlewares is a problem document."""

    async def _make_server(self) -> web.Server:
        plain = await super()._make_server()
        return _ProblemServer(
            _problems_outside(plain.request_handler),
            request_factory=plain.request_factory,
            **self._kwargs,
        )


class _ProblemServer(web.Server):
    def __init__(self, handler: _RawHandler, **options: Any) -> None:
        options.pop("access_log_class", None)
        super().__init__(handler, debug=False, **options)
        self._options = {
            "debug": False,
            **{k: v for k, v in options.items() if k != "request_factory"},
        }

    def __call__(self) -> RequestHandler:
        return _ProblemProtocol(self, loop=asyncio.get_running_loop(), **self._options)


class _ProblemProtocol(RequestHandler):
    """Answers bytes that are no HTTP request with a problem document, too."""

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Return the answer to a request that could not be read at all; it ends the connection."""
        del message  # It quotes the request.
        if request.writer.output_size > 0:
            raise ConnectionError("an answer has already begun")
        if status >= 500:
            _LOG.error("a request failed at the edge", exc_info=exc)
            problem = internal_error()
        else:
            problem = Problem(status, "malformed-request", "The request is not well-formed HTTP.")
        return _closing(request, problem)


def _problems_outside(handler: Any) -> _RawHandler:
    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        try:
            answer: web.StreamResponse = await handler(request)
        except web.HTTPException as error:
            return _closing(request, problem_of(error))
        return answer

    return handle


def _closing(request: web.BaseRequest, problem: Problem) -> web.Response:
    correlation_id = correlation_id_of(request)
    response = problem_response(problem, instance=correlation_id)
    protect(response, correlation_id=correlation_id)
    response.force_close()
    return response
