"""The stand-in's HTTP faces: who may enter, what is malformed."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from sandbox.debident.hostile import MALFORMED_ANSWERS
from services.debident_gateway.domain.answers import AlreadyHaveIt, InDoubt, Received
from services.debident_gateway.ports.portal import PortalSilentError
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


async def test_the_health_is_open_and_the_site_asks_who_comes(
    sandbox: SandboxHarness, session: aiohttp.ClientSession
) -> None:
    async with session.get("/health/ready") as response:
        assert (await response.json())["status"] == "ready"
    async with session.get("/", allow_redirects=False) as response:
        assert (response.status, response.headers["Location"]) == (303, "/login")
        assert "default-src 'none'" in response.headers["Content-Security-Policy"]


async def test_what_is_switched_to_be_down_answers_nobody_but_the_admin(
    sandbox: SandboxHarness, session: aiohttp.ClientSession
) -> None:
    await sandbox.misbehave(down="unavailable")
    assert await _status(session.get("/v1/deb-files")) == (503, "temporarily-unavailable")
    assert await _status(session.post("/oauth2/token")) == (503, "temporarily-unavailable")
    await sandbox.misbehave(down="cut-off")
    with pytest.raises(aiohttp.ClientError):
        await session.get("/v1/deb-files")
    await sandbox.misbehave(down="hang")
    with pytest.raises(TimeoutError):
        await session.get("/v1/deb-files", timeout=aiohttp.ClientTimeout(total=0.3))
    await sandbox.misbehave()
    async with session.get("/v1/deb-files") as response:
        assert response.status == 200


@pytest.mark.parametrize("place", range(len(MALFORMED_ANSWERS)))
async def test_an_answer_that_is_none_counts_as_silence(
    sandbox: SandboxHarness, place: int
) -> None:
    await sandbox.register(access())
    for _ in range(place):
        await sandbox.portal.list_deb_files(access(), after=0)
    await sandbox.misbehave(malformed_answer=1)
    with pytest.raises(PortalSilentError):
        await sandbox.portal.list_deb_files(access(), after=0)


async def test_an_order_that_was_worked_before_the_bad_answer_is_there_when_asked(
    sandbox: SandboxHarness,
) -> None:
    await sandbox.register(access())
    await sandbox.misbehave(malformed_answer=1)
    data = package()
    sent = await sandbox.portal.send_order(access(), ORDER, data, sha256=sha256(data))
    assert isinstance(sent, InDoubt)
    assert isinstance(await sandbox.portal.order_status(access(), ORDER), Received)


async def test_a_new_order_may_be_called_known(
    sandbox: SandboxHarness,
) -> None:
    await sandbox.register(access())
    await sandbox.misbehave(already_have_it=1)
    data = package()
    sent = await sandbox.portal.send_order(access(), ORDER, data, sha256=sha256(data))
    assert isinstance(sent, AlreadyHaveIt)
    assert await sandbox.uploads(ORDER) == 1


async def test_the_admin_orders_fates_and_says_what_cannot_be_ordered(
    sandbox: SandboxHarness,
) -> None:
    await sandbox.register(access())
    path = f"/accounts/{ACCOUNT}/fates"
    body = {"invoice_number": "2026-000001", "fate": "recourse"}
    assert (await sandbox.admin("PUT", path, body))["is_here"] is False
    known = await sandbox.admin("GET", "/fates")
    assert "recourse" in known["fates"]
    assert [(one["invoice_number"], one["fate"]) for one in known["ordered"]] == [
        ("2026-000001", "recourse")
    ]
    headers = {"Authorization": f"Bearer {ADMIN_SECRET}"}
    async with aiohttp.ClientSession(f"{sandbox.base_url}", headers=headers) as admin:
        unknown = admin.put("/admin/accounts/CMD-0/fates", json=body)
        assert await _status(unknown) == (404, "unknown-account")
        for wrong in ({"fate": "gone"}, {**body, "invoice_number": 1}, {"fate": "recourse"}):
            assert await _status(admin.put(f"/admin{path}", json=wrong)) == (400, "malformed")
        assert await _status(admin.post("/admin/close", json={"seconds": 1})) == (409, "no-door")
