"""The server stops cleanly, and the process learns the issuer's keys when the issuer comes up."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from uuid import UUID

import aiohttp
import pytest
from aiohttp import web

from shared.db.engine import Database
from shared.kernel.clock import SystemClock
from shared.web.app import create_app
from shared.web.keys import KeysUnavailableError, SigningKeys, fetch_from
from shared.web.local_issuer import LocalIssuer
from shared.web.server import run_app
from shared.web.tokens import TokenVerifier
from tests.integration.web import notebook
from tests.support.waiting import eventually
from tests.support.web import AUDIENCE, HOST, ISSUER, ApiClient, client_of, verifier_of


async def test_a_stop_lets_the_request_in_hand_finish(database: Database, practice: UUID) -> None:
    gate, stop, bound = notebook.Gate(), asyncio.Event(), asyncio.Queue[int]()
    issuer = LocalIssuer.in_memory(issuer=ISSUER)
    app = notebook_app(database, verifier_of(issuer, SystemClock()), gate)
    running = asyncio.create_task(run_app(app, HOST, 0, stop, on_bound=bound.put_nowait))
    base = f"http://{HOST}:{await asyncio.wait_for(bound.get(), 20)}"
    async with aiohttp.ClientSession() as session:
        user = ApiClient(session, base, issuer).as_user()
        request = asyncio.create_task(user.post(f"/v1/practices/{practice}/slow-notes"))
        await asyncio.wait_for(gate.entered.wait(), 20)

        stop.set()
        await eventually(partial(refuses_connections, base), because="the port closes at once")
        done, _ = await asyncio.wait({running, request}, timeout=0.3)
        assert done == set(), "the server waits for the request, and the request for the gate"
        gate.open.set()

        assert (await request)[0] == 200
        await asyncio.wait_for(running, 20)


async def test_a_service_starts_before_its_issuer_and_learns_the_keys_later(
    database: Database, practice: UUID, tmp_path: Path
) -> None:
    issuer, keys = LocalIssuer.in_memory(issuer=ISSUER), tmp_path / "the keys.json"
    verifier = TokenVerifier.from_url(
        keys.as_uri(), issuer=ISSUER, audience=AUDIENCE, clock=SystemClock()
    )
    async with client_of(notebook_app(database, verifier), issuer) as api:
        path = f"/v1/practices/{practice}/notes"
        before = await api.as_user().request("GET", path)
        keys.write_text(json.dumps(issuer.jwks()))

        await eventually(partial(answers, api, path, 200), because="the keys are found")

    assert (before.status, before.code) == (503, "temporarily-unavailable")


def padded(issuer: LocalIssuer) -> web.Response:
    return web.json_response({**issuer.jwks(), "padding": "x" * 300_000})


@pytest.mark.parametrize(
    "bad",
    [
        lambda _: web.Response(status=500),
        lambda _: web.Response(status=302, headers={"Location": "/good"}),
        lambda _: web.Response(text="no json"),
        lambda _: web.Response(text="[]"),
        lambda _: web.json_response({"keys": []}),
        padded,
    ],
)
async def test_keys_come_over_http_and_an_issuer_that_misbehaves_is_only_not_there(
    bad: Callable[[LocalIssuer], web.Response],
) -> None:
    issuer = LocalIssuer.in_memory(issuer=ISSUER)

    async def bad_keys(_: web.Request) -> web.Response:
        return bad(issuer)

    async def good_keys(_: web.Request) -> web.Response:
        return web.json_response(issuer.jwks())

    app = web.Application()
    app.router.add_get("/bad", bad_keys)
    app.router.add_get("/good", good_keys)
    async with client_of(app, issuer) as served:
        refusing = SigningKeys(fetch_from(f"{served.base_url}/bad"))
        answering = SigningKeys(fetch_from(f"{served.base_url}/good"))

        with pytest.raises(KeysUnavailableError):
            await refusing.find(issuer.key_id)
        assert await answering.find(issuer.key_id) is not None


async def test_a_port_that_is_taken_is_an_error_at_once(database: Database) -> None:
    issuer = LocalIssuer.in_memory(issuer=ISSUER)
    verifier = verifier_of(issuer, SystemClock())
    async with client_of(notebook_app(database, verifier), issuer) as api:
        port = int(api.base_url.rpartition(":")[2])

        with pytest.raises(OSError, match="address already in use"):
            await run_app(notebook_app(database, verifier), HOST, port, asyncio.Event())


def notebook_app(
    database: Database, verifier: TokenVerifier, gate: notebook.Gate | None = None
) -> web.Application:
    return create_app(
        service="notebook",
        title="Notebook",
        endpoints=notebook.endpoints(gate),
        database=database,
        verifier=verifier,
        clock=SystemClock(),
    )


async def answers(api: ApiClient, path: str, status: int) -> bool:
    return (await api.as_user().request("GET", path)).status == status


async def refuses_connections(base: str) -> bool:
    port = int(base.rpartition(":")[2])
    try:
        _, writer = await asyncio.open_connection(HOST, port)
    except ConnectionError:
        return True
    writer.close()
    return False
