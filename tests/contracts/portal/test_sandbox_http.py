"""The stand-in's HTTP faces: who may enter, what is malformed, and what a clerk sees."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from tests.contracts.portal.harness import ADMIN_SECRET, SandboxHarness, sha256
from tests.unit.debident_gateway.builders import ACCOUNT, ORDER, access, package


@pytest.fixture
async def session(sandbox: SandboxHarness) -> AsyncIterator[aiohttp.ClientSession]:
    """A client with a valid token."""
    await sandbox.register(access())
    form = {"grant_type": "client_credentials", "client_id": "client-a", "client_secret": "s3cret"}
    async with (
        aiohttp.ClientSession() as bare,
        bare.post(f"{sandbox.base_url}/oauth2/token", data=form) as response,
    ):
        token = (await response.json())["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession(sandbox.base_url, headers=headers) as entered:
        yield entered


async def _status(response: Any) -> tuple[int, str]:
    async with response as answer:
        body = await answer.json()
        return answer.status, body.get("code") or body.get("error")


def _form(**fields: Any) -> aiohttp.FormData:
    form = aiohttp.FormData(default_to_multipart=True)
    for name, value in fields.items():
        form.add_field(name, io.BytesIO(value) if isinstance(value, bytes) else value)
    return form


async def test_without_a_valid_token_nobody_enters(sandbox: SandboxHarness) -> None:
    async with aiohttp.ClientSession(sandbox.base_url) as bare:
        for path in (f"/v1/orders/{ORDER}", "/v1/deb-files", "/v1/deb-files/x"):
            assert await _status(bare.get(path)) == (401, "no-valid-token")
        for grant in ({"grant_type": "password"}, {"grant_type": "client_credentials"}):
            async with bare.post("/oauth2/token", data=grant) as response:
                assert response.status == 400


@pytest.mark.parametrize(
    "fields",
    [
        {"sha256": sha256(package()), "account_number": ACCOUNT},
        {"package": package(), "sha256": "0" * 64, "account_number": ACCOUNT},
        {"package": package(), "sha256": "ü", "account_number": ACCOUNT},
        {"package": package(), "sha256": sha256(package()), "account_number": "x" * 300},
        {"package": b"PK\x03\x04" + bytes(5_500_000), "sha256": "0" * 64, "account_number": "x"},
    ],
)
async def test_an_upload_without_the_right_form_is_malformed(
    session: aiohttp.ClientSession, fields: dict[str, Any]
) -> None:
    answer = await _status(session.post(f"/v1/orders/{ORDER}", data=_form(**fields)))
    assert answer == (400, "malformed")


async def test_an_order_id_that_is_no_uuid_or_a_body_that_is_no_form_is_malformed(
    session: aiohttp.ClientSession,
) -> None:
    assert await _status(session.get("/v1/orders/17")) == (400, "malformed")
    assert await _status(session.post(f"/v1/orders/{ORDER}", data=b"x")) == (400, "malformed")
    assert await _status(session.get("/v1/deb-files?after=-1")) == (400, "malformed")
    assert await _status(session.get("/v1/deb-files?limit=1000")) == (400, "malformed")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "/admin/clients/c", {"client_secret": "s", "account_number": "lower case"}),
        ("PUT", "/admin/clients/c", {"account_number": "CMD-1"}),
        (
            "PUT",
            "/admin/clients/c",
            {"client_secret": "s", "account_number": "C", "payout_basis": 1},
        ),
        ("POST", "/admin/advance", {"days": -1}),
        ("POST", "/admin/advance", [1]),
        ("PUT", "/admin/misbehaviour", {"explode": 1}),
    ],
)
async def test_the_admin_api_refuses_what_it_cannot_use_and_whom_it_does_not_know(
    sandbox: SandboxHarness, method: str, path: str, body: object
) -> None:
    async with aiohttp.ClientSession(sandbox.base_url) as bare:
        assert await _status(bare.request(method, path, json=body)) == (401, "no-admin")
        headers = {"Authorization": f"Bearer {ADMIN_SECRET}"}
        answer = await _status(bare.request(method, path, json=body, headers=headers))
        assert answer == (400, "malformed")


async def test_the_clerks_page_and_the_health_are_open_and_show_the_order(
    sandbox: SandboxHarness, session: aiohttp.ClientSession
) -> None:
    form = _form(package=package(), sha256=sha256(package()), account_number=ACCOUNT)
    async with session.post(f"/v1/orders/{ORDER}", data=form) as response:
        assert response.status == 202
    await sandbox.let_arrive()
    async with session.get("/") as response:
        page = await response.text()
        assert "default-src 'none'" in response.headers["Content-Security-Policy"]
    assert "CMD-2026-0001" in page
    async with session.get("/health/ready") as response:
        assert (await response.json())["status"] == "ready"
