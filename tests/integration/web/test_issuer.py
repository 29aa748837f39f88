"""The local issuer serves tokens to this machine only, and services accept them."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
import pytest

from sandbox.issuer import JWKS_PATH, IssuerSettings, create_issuer_app, main
from shared.kernel.clock import SystemClock
from shared.web.endpoints import UserRole
from shared.web.local_issuer import LocalIssuer
from shared.web.tokens import InvalidTokenError, TokenVerifier
from tests.support.web import ApiAnswer, ApiClient, client_of

ISSUER = "http://localhost:8091"
SECRET = "a-secret-of-this-test"


def settings_in(folder: Path, **changes: object) -> IssuerSettings:
    return IssuerSettings(**{"keys_dir": folder, "url": ISSUER, **changes})  # type: ignore[arg-type]


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[ApiClient]:
    settings = settings_in(tmp_path)
    issuer = settings.open_issuer()
    async with client_of(create_issuer_app(settings, issuer), issuer) as client:
        yield client


async def ask(
    client: ApiClient, /, *, with_header: Mapping[str, str] | None = None, **form: Any
) -> ApiAnswer:
    fields = {"grant_type": "client_credentials", "subject": "anna", "roles": "admin", **form}
    async with client.session.post(
        client.base_url + "/token", data=fields, headers=with_header
    ) as response:
        return ApiAnswer(response.status, response.headers, await response.read())


def verifier_for(client: ApiClient) -> TokenVerifier:
    return TokenVerifier.from_url(
        client.base_url + JWKS_PATH, issuer=ISSUER, audience="quittance", clock=SystemClock()
    )


async def test_a_token_of_the_issuer_is_good_for_a_service(served: ApiClient) -> None:
    practice = uuid4()

    answer = await ask(served, roles="assistant controller", practices=str(practice))

    assert answer.status == 200
    assert answer.json["token_type"] == "Bearer"
    assert answer.json["expires_in"] == 3600
    principal = await verifier_for(served).verify(answer.json["access_token"])
    assert principal.subject == "anna"
    assert principal.roles == {UserRole.ASSISTANT, UserRole.CONTROLLER}
    assert principal.practices == {practice}


async def test_the_configuration_names_where_everything_is(served: ApiClient) -> None:
    status, document = await served.get("/.well-known/openid-configuration")

    assert status == 200
    assert document["issuer"] == ISSUER
    assert document["jwks_uri"] == ISSUER + JWKS_PATH
    assert document["token_endpoint"] == ISSUER + "/token"
    assert (await served.get("/health/ready"))[0] == 200


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"subject": ""}, "invalid_request"),
        ({"roles": "pope"}, "invalid_scope"),
        ({"roles": ""}, "invalid_scope"),
        ({"practices": "all"}, "invalid_scope"),
        ({"lifetime_seconds": "86401"}, "invalid_request"),
        ({"lifetime_seconds": "-1"}, "invalid_request"),
        ({"lifetime_seconds": "0"}, "invalid_request"),
    ],
)
async def test_a_wrong_request_gets_no_token(
    served: ApiClient, form: dict[str, Any], error: str
) -> None:
    answer = await ask(served, **form)

    assert (answer.status, answer.json["error"]) == (400, error)


@pytest.mark.parametrize("headers", [{"Origin": "http://evil.test"}, {"Host": "evil.test"}])
async def test_a_web_page_gets_no_token_through_the_users_browser(
    served: ApiClient, headers: dict[str, str]
) -> None:
    answer = await ask(served, with_header=headers)

    assert (answer.status, answer.json["error"]) == (400, "invalid_request")


async def test_beyond_this_machine_a_secret_is_needed(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, host="0.0.0.0", secret=SECRET)  # noqa: S104 - not bound
    issuer = settings.open_issuer()
    async with client_of(create_issuer_app(settings, issuer), issuer) as client:
        none = await ask(client)
        wrong = await ask(client, client_secret="another-secret-of-this")
        right = await ask(client, client_secret=SECRET)

    assert [answer.status for answer in (none, wrong, right)] == [401, 401, 200]
    assert none.json["error"] == "invalid_client"


def test_beyond_this_machine_it_does_not_start_without_a_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ISSUER_HOST", "0.0.0.0")  # noqa: S104 - not bound
    monkeypatch.setenv("ISSUER_KEYS_DIR", str(tmp_path))
    monkeypatch.delenv("ISSUER_SECRET", raising=False)
    assert main([]) == 2
    assert "ISSUER_SECRET" in capsys.readouterr().err

    monkeypatch.setenv("ISSUER_SECRET", "")
    assert main([]) == 2
    assert "ISSUER_SECRET" in capsys.readouterr().err


async def test_the_command_prints_a_token_of_the_same_key(tmp_path: Path) -> None:
    practice = uuid4()
    arguments = ["token", "--role", "billing_office", "--practice", str(practice)]
    process = await start({"ISSUER_KEYS_DIR": str(tmp_path), "ISSUER_URL": ISSUER}, *arguments)
    printed, _ = await asyncio.wait_for(process.communicate(), 60)

    keys = tmp_path / "jwks.json"
    keys.write_text(json.dumps(LocalIssuer.open(tmp_path, issuer=ISSUER).jwks()))
    verifier = TokenVerifier.from_url(
        keys.as_uri(), issuer=ISSUER, audience="quittance", clock=SystemClock()
    )
    token = printed.decode().strip()
    assert (await verifier.verify(token)).practices == {practice}
    with pytest.raises(InvalidTokenError):
        await verifier.verify(token[:-4])


async def test_the_issuer_runs_as_a_process_and_stops_when_asked(tmp_path: Path) -> None:
    process = await start({"ISSUER_KEYS_DIR": str(tmp_path), "ISSUER_PORT": "0"})
    try:
        assert process.stderr is not None
        line = await asyncio.wait_for(process.stderr.readline(), 60)
        url = f"http://127.0.0.1:{json.loads(line)['port']}{JWKS_PATH}"
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            assert len((await answer.json())["keys"]) == 1
        process.terminate()
        _, rest = await asyncio.wait_for(process.communicate(), 20)
        assert process.returncode == 0
        assert b"Traceback" not in rest
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def start(environment: Mapping[str, str], *arguments: str) -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "sandbox.issuer",
        *arguments,
        env=environment,
        cwd=Path(__file__).parents[3],
        stdout=PIPE,
        stderr=PIPE,
    )
