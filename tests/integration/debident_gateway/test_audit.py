"""What the audit log tells of persons' moves at the gateway: each once, and never a secret."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from tests.integration.debident_gateway.office import Office
from tests.support.audit import Told, told
from tests.support.web import ApiClient, api_client

BYTES = "application/octet-stream"


@pytest.fixture
async def api(office: Office) -> AsyncIterator[ApiClient]:
    """The gateway's API, called by a person of the practice."""
    async with api_client(
        office.definition.endpoints, office.database, clock=office.clock, service="debident-gateway"
    ) as client:
        yield client.as_user()


def _path(office: Office, rest: str) -> str:
    return f"/v1/practices/{office.practice_id}/{rest}"


async def _told(office: Office, *operations: str) -> list[Told]:
    return await told(office.database, office.practice_id, *operations)


async def test_of_another_secret_only_that_it_was_entered_is_told(
    office: Office, api: ApiClient
) -> None:
    await office.open(credentials=False)
    path, headers = _path(office, "portal-credentials"), {"If-None-Match": "*"}
    for secret in ("s3cret-one", "s3cret-two"):
        body = {"client_id": "client-a", "client_secret": secret}
        answer = await api.request("PUT", path, body=body, headers=headers)
        assert answer.status == 200, answer.json
        headers = {"If-Match": answer.headers["ETag"]}
        office.clock.advance(timedelta(seconds=1))
    lines = await _told(office, "putPortalCredentials")
    (_, before, after), (_, older, newer) = lines
    assert (before, after["client_id"], after["secret"]) == ({}, "client-a", "entered")
    assert set(older) == set(newer) == {"changed_at", "secret"}
    assert (older["changed_at"], newer["secret"]) == (after["changed_at"], "entered")
    assert "s3cret" not in str(lines)


async def test_an_order_that_is_to_leave_now_is_told_with_the_time_it_would_have_left(
    office: Office, api: ApiClient
) -> None:
    await office.open()
    order_id = await office.order()
    office.clock.advance(timedelta(minutes=3))
    for _ in range(2):
        path = _path(office, f"transmissions/{order_id}/resend")
        assert (await api.post(path, key="once-1234567890"))[0] == 202
    ((_, before, after),) = await _told(office, "resendOrder")
    assert set(before) == {"next_action_at"}
    assert before["next_action_at"] < after["next_action_at"]


async def test_a_deb_file_that_a_person_brings_twice_is_told_once(
    office: Office, api: ApiClient
) -> None:
    await office.open(adapter="manual")
    path = _path(office, f"contracts/{office.contract_id}/deb-files")
    answers = [
        await api.request(
            "POST", path, body=b"DEB", query={"name": "a.deb"}, headers={"Content-Type": BYTES}
        )
        for _ in range(2)
    ]
    assert [answer.status for answer in answers] == [201, 200]
    ((_, before, after),) = await _told(office, "bringDebFile")
    assert before == {}
    assert (after["contract_id"], after["size_bytes"]) == (str(office.contract_id), 3)
    assert after["deb_file_id"] == answers[0].json["deb_file_id"]


async def test_a_transmission_that_was_changed_since_it_was_read_is_not_moved(
    office: Office, api: ApiClient
) -> None:
    await office.open()
    one = _path(office, f"transmissions/{await office.order()}")
    etag = (await api.request("GET", one)).headers["ETag"]
    office.clock.advance(timedelta(minutes=3))
    answers = [
        await api.request("POST", f"{one}/resend", headers={"If-Match": etag}) for _ in range(2)
    ]
    assert [answer.status for answer in answers] == [202, 412]
