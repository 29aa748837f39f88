"""What only the HTTP adapter must stand: hostile, slow and strange answers over a real socket."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from services.debident_gateway.adapters.debident_http import HttpDebidentPortal
from services.debident_gateway.domain.answers import (
    Accepted,
    InDoubt,
    ListedDebFile,
    NotSent,
    Refused,
    SendOutcome,
)
from services.debident_gateway.domain.model import PortalAccess
from services.debident_gateway.ports.portal import DebFileRejectedError, PortalSilentError
from tests.contracts.portal.harness import SandboxHarness, downloaded, sha256
from tests.unit.debident_gateway.builders import (
    ORDER,
    OTHER_PRACTICE,
    StandingClock,
    access,
    package,
)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
LISTED = ListedDebFile(1, "f1", "f1.deb", sha256(b"rows"), 4)


class Strange:
    """A portal that gives tokens properly and answers everything else as it is told."""

    def __init__(self, answer: Handler) -> None:
        self.answer = answer
        self.tokens: list[tuple[str, str]] = []
        self.seen: list[str] = []

    async def token(self, request: web.Request) -> web.Response:
        """Give a token that names its client."""
        form = await request.post()
        client = str(form["client_id"])
        self.tokens.append((client, str(form["client_secret"])))
        return web.json_response(
            {
                "access_token": f"t-{client}-{len(self.tokens)}",
                "token_type": "Bearer",
                "expires_in": 600,
            }
        )

    async def other(self, request: web.Request) -> web.StreamResponse:
        """Answer as told."""
        self.seen.append(request.headers.get("Authorization", ""))
        return await self.answer(request)


@asynccontextmanager
async def _serving(
    strange: Strange, *, timeout_seconds: float = 5, clock: StandingClock | None = None
) -> AsyncIterator[HttpDebidentPortal]:
    app = web.Application(client_max_size=10_000_000)
    app.router.add_post("/oauth2/token", strange.token)
    app.router.add_route("*", "/{rest:.*}", strange.other)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield HttpDebidentPortal(
            f"http://127.0.0.1:{runner.addresses[0][1]}",
            timeout_seconds=timeout_seconds,
            deb_file_bytes_max=1000,
            clock=clock or StandingClock(),
        )
    finally:
        await runner.cleanup()


def _json(body: object, status: int = 200, **headers: str) -> Handler:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.json_response(body, status=status, headers=headers)

    return answer


def _raw(body: bytes, status: int = 200, **headers: str) -> Handler:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(body=body, status=status, headers=headers)

    return answer


async def _send(portal: HttpDebidentPortal, with_access: PortalAccess | None = None) -> SendOutcome:
    data = package()
    return await portal.send_order(with_access or access(), ORDER, data, sha256=sha256(data))


NOT_NOW = {"code": "temporarily-unavailable", "text": "later"}
TAKEN = {"order_id": str(ORDER), "result": "accepted", "reference": "r"}


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (_json(TAKEN, 202), Accepted("r")),
        (_raw(b"<html>", 200), InDoubt("unreadable-answer")),
        (_json({**TAKEN, "reference": ""}, 202), InDoubt("unreadable-answer")),
        (
            _json({**TAKEN, "order_id": str(OTHER_PRACTICE)}, 202),
            InDoubt("answer-about-another-order"),
        ),
        (_raw(b"x" * 5_000_000, 200), InDoubt("answer-too-large")),
        (_raw(b"", 302, Location="http://127.0.0.1:9/"), InDoubt("unexpected-answer-302")),
        (_raw(b"", 500), InDoubt("unexpected-answer-500")),
        (_raw(b"", 504), InDoubt("unexpected-answer-504")),
        (_raw(b"<html>upstream reset</html>", 503), InDoubt("unexpected-answer-503")),
        (_json({}, 503), InDoubt("unexpected-answer-503")),
        (_json({"code": "too-many-requests"}, 503), InDoubt("unexpected-answer-503")),
        (_json({"code": "temporarily-unavailable"}, 503), NotSent("portal-unavailable")),
        (_raw(b"", 429), InDoubt("unexpected-answer-429")),
        (_json({"code": "too-many-requests"}, 429), NotSent("portal-limits-account")),
        (_raw(b"<html>proxy</html>", 400), InDoubt("unexpected-answer-400")),
        (_raw(b"<html>proxy</html>", 422), InDoubt("unexpected-answer-422")),
        (_json({"code": "malformed"}, 400), Refused("malformed")),
        (_json({"code": "Schon ÜBERNOMMEN!"}, 422), Refused("schon-bernommen-")),
        (_json({"code": "other"}, 409), InDoubt("unexpected-answer-409")),
        (_json({"code": "x"}, 401), NotSent("portal-refused-token")),
    ],
)
async def test_only_a_clear_answer_is_clear_everything_else_is_a_doubt(
    answer: Handler, outcome: SendOutcome
) -> None:
    async with _serving(Strange(answer)) as portal:
        assert await _send(portal) == outcome


async def test_the_portals_wish_when_to_come_back_is_passed_on() -> None:
    async with _serving(Strange(_json(NOT_NOW, 503, **{"Retry-After": "120"}))) as portal:
        outcome = await _send(portal)
        assert isinstance(outcome, NotSent)
        assert outcome.retry_after is not None
        assert outcome.retry_after.total_seconds() == 120


async def test_a_portal_that_does_not_listen_was_sent_nothing() -> None:
    portal = HttpDebidentPortal(
        "http://127.0.0.1:1", timeout_seconds=2, deb_file_bytes_max=1, clock=StandingClock()
    )
    assert await _send(portal) == NotSent("could-not-connect")
    with pytest.raises(PortalSilentError) as silent:
        await portal.order_status(access(), ORDER)
    assert silent.value.code == "could-not-connect"


async def test_an_answer_that_does_not_come_in_time_is_a_doubt(sandbox: SandboxHarness) -> None:
    await sandbox.register(access())
    await sandbox.misbehave(slow_seconds=1)
    impatient = HttpDebidentPortal(
        sandbox.base_url, timeout_seconds=0.2, deb_file_bytes_max=1, clock=StandingClock()
    )
    assert await _send(impatient) == InDoubt("time-out")
    with pytest.raises(PortalSilentError) as silent:
        await impatient.order_status(access(), ORDER)
    assert silent.value.code == "time-out"


async def test_an_upload_is_never_repeated_behind_our_back() -> None:
    async def cut_off(request: web.Request) -> web.StreamResponse:
        await request.read()
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    strange = Strange(cut_off)
    async with _serving(strange) as portal:
        assert await _send(portal) == InDoubt("connection-lost")
    assert len(strange.seen) == 1


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (_raw(b"", 404), "unexpected-answer-404"),
        (_json({"code": "not-found"}, 404), "unexpected-answer-404"),
        (_raw(b"{}", 200), "unreadable-answer"),
        (_raw(b"[" * 100_000, 200), "unreadable-answer"),
        (
            _json(
                {
                    "order_id": str(ORDER),
                    "state": "arrived",
                    "reference": "r",
                    "sha256": "0" * 64,
                    "arrived_at": "2026-03-02T10:00:00Z",
                    "lines": [],
                }
            ),
            "unreadable-answer",
        ),
        (
            _json(
                {
                    "order_id": str(OTHER_PRACTICE),
                    "state": "received",
                    "reference": "r",
                    "sha256": "0" * 64,
                }
            ),
            "unreadable-answer",
        ),
        (_json({}, 503), "portal-unavailable"),
        (_raw(b"", 429), "portal-limits-account"),
    ],
)
async def test_only_the_portals_own_word_proves_absence_or_arrival(
    answer: Handler, code: str
) -> None:
    async with _serving(Strange(answer)) as portal:
        with pytest.raises(PortalSilentError) as silent:
            await portal.order_status(access(), ORDER)
    assert silent.value.code == code


@pytest.mark.parametrize(
    ("answer", "listed", "code"),
    [
        (_raw(b"rowz"), LISTED, "deb-file-of-other-content"),
        (_raw(b"row"), LISTED, "deb-file-of-other-size"),
        (_raw(b"x" * 20_000), LISTED, "deb-file-of-other-size"),
        (_raw(b"rows"), ListedDebFile(1, "f1", "n", "0" * 64, 1001), "deb-file-too-large"),
    ],
)
async def test_a_half_written_deb_file_is_not_taken_for_what_the_list_announced(
    answer: Handler, listed: ListedDebFile, code: str
) -> None:
    async with _serving(Strange(answer)) as portal:
        with pytest.raises(DebFileRejectedError) as rejected:
            await downloaded(portal, access(), listed)
    assert rejected.value.code == code


@pytest.mark.parametrize("file_id", ["../orders", "a/b", "", "..", "a?b"])
async def test_a_file_id_that_would_lead_elsewhere_is_not_listed(file_id: str) -> None:
    file = {"position": 1, "file_id": file_id, "name": "n", "sha256": "0" * 64, "size": 1}
    async with _serving(Strange(_json({"files": [file], "more": False}))) as portal:
        with pytest.raises(PortalSilentError) as silent:
            await portal.list_deb_files(access(), after=0)
    assert silent.value.code == "unreadable-answer"


async def test_each_practice_uses_a_token_of_its_own_even_on_the_same_account() -> None:
    strange = Strange(_json({"files": [], "more": False}))
    ours, theirs = access(), access(OTHER_PRACTICE, "client-b")
    async with _serving(strange) as portal:
        for who in (ours, theirs, ours, theirs):
            await portal.list_deb_files(who, after=0)
    assert strange.seen == ["Bearer t-client-a-1", "Bearer t-client-b-2"] * 2


async def test_the_same_client_id_of_two_practices_shares_no_token() -> None:
    strange = Strange(_json({"files": [], "more": False}))
    async with _serving(strange) as portal:
        await portal.list_deb_files(access(), after=0)
        await portal.list_deb_files(access(OTHER_PRACTICE), after=0)
    assert len(strange.tokens) == 2


async def test_a_token_is_used_until_shortly_before_its_end_and_not_longer() -> None:
    clock, strange = StandingClock(), Strange(_json({"files": [], "more": False}))
    async with _serving(strange, clock=clock) as portal:
        await portal.list_deb_files(access(), after=0)
        clock.pass_by(seconds=560)
        await portal.list_deb_files(access(), after=0)
        assert len(strange.tokens) == 1
        clock.pass_by(seconds=20)
        await portal.list_deb_files(access(), after=0)
    assert len(strange.tokens) == 2


async def test_a_token_that_the_portal_forgot_is_replaced_at_once(sandbox: SandboxHarness) -> None:
    await sandbox.register(access())
    await sandbox.portal.list_deb_files(access(), after=0)
    await sandbox.register(access())  # its old tokens end
    outcome = await sandbox.portal.send_order(access(), ORDER, package(), sha256=sha256(package()))
    assert isinstance(outcome, Accepted)


async def test_over_http_the_same_order_again_is_recognised_by_its_bytes(
    sandbox: SandboxHarness,
) -> None:
    await sandbox.register(access())
    for _ in range(2):
        await sandbox.portal.send_order(access(), ORDER, package(), sha256=sha256(package()))
    assert await sandbox.uploads(ORDER) == 2


async def test_the_secret_is_in_no_representation_of_an_access() -> None:
    shown: Any = repr(access())
    assert "s3cret" not in shown
