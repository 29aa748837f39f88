"""The gateway's API over a real socket: access entered and never shown, stories in plain words."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import asyncssh
import pytest

from services.debident_gateway.adapters.debident_fake import FakeDebidentPortal
from shared.testing import FrozenClock
from shared.web.endpoints import UserRole
from tests.integration.debident_gateway.office import ARRIVAL_CHECK_AFTER, Office
from tests.support.web import ApiClient, api_client, assert_every_route_is_guarded

NONE_YET = {"If-None-Match": "*"}


@pytest.fixture
async def api(office: Office) -> AsyncIterator[ApiClient]:
    """The API, called by a billing office."""
    async with api_client(
        office.definition.endpoints, office.database, clock=office.clock, service="debident-gateway"
    ) as client:
        yield client.as_user()


def _path(office: Office, rest: str) -> str:
    return f"/v1/practices/{office.practice_id}/{rest}"


async def test_every_route_is_guarded_by_token_role_and_practice(
    office: Office, api: ApiClient
) -> None:
    assert office.definition.endpoints
    await assert_every_route_is_guarded(office.definition.endpoints, api)


async def test_credentials_are_entered_replaced_and_never_shown(
    office: Office, api: ApiClient
) -> None:
    await office.open(credentials=False)
    path = _path(office, "portal-credentials")
    assert (await api.request("GET", path)).code == "portal-credentials-missing"
    first = {"client_id": "client-a", "client_secret": "s3cret"}
    assert (await api.request("PUT", path, body=first)).code == "precondition-required"
    entered = await api.request("PUT", path, body=first, headers=NONE_YET)
    assert (entered.status, set(entered.json)) == (200, {"client_id", "changed_at"})
    again = await api.request("PUT", path, body=first, headers=NONE_YET)
    assert (again.status, again.code) == (412, "changed-meanwhile")
    office.clock.advance(timedelta(seconds=1))
    replaced = await api.request(
        "PUT",
        path,
        body={"client_id": "client-b", "client_secret": "other"},
        headers={"If-Match": entered.headers["ETag"]},
    )
    assert replaced.status == 200
    assert replaced.headers["ETag"] != entered.headers["ETag"]
    answer = await api.request("GET", path)
    assert answer.json["client_id"] == "client-b"
    assert answer.headers["ETag"] == replaced.headers["ETag"]
    assert b"other" not in answer.raw
    lines = await office.rows(
        "SELECT fields_before, fields_after FROM audit_log"
        " WHERE operation_id = 'putPortalCredentials' AND status = 200 ORDER BY id"
    )
    assert lines[0]["fields_before"] == {}
    assert lines[0]["fields_after"]["secret"] == "entered"
    assert lines[1]["fields_before"]["client_id"] == "client-a"
    assert lines[1]["fields_after"]["client_id"] == "client-b"


async def test_an_sftp_access_is_entered_and_shown_without_its_secret(
    office: Office, api: ApiClient
) -> None:
    await office.open(credentials=False)
    path = _path(office, "portal-credentials/sftp")
    assert (await api.request("GET", path)).code == "portal-credentials-missing"
    key = asyncssh.generate_private_key("ssh-ed25519", comment="a comment")
    host_key = key.export_public_key().decode()
    body = {"host": "sftp.portal.invalid", "user": "practice-a", "host_key": host_key}
    first = {**body, "password": "s3cret-word"}
    assert (await api.request("PUT", path, body=first)).code == "precondition-required"
    answer = await api.request("PUT", path, body=first, headers=NONE_YET)
    assert (answer.status, answer.json["port"], answer.json["sign_in"]) == (200, 22, "password")
    assert answer.json["host_key"] == " ".join(host_key.split()[:2])
    private = key.export_private_key().decode()
    office.clock.advance(timedelta(seconds=1))
    second = {**body, "port": 2222, "private_key": private}
    stale = await api.request("PUT", path, body=second, headers=NONE_YET)
    assert (stale.status, stale.code) == (412, "changed-meanwhile")
    fresh = {"If-Match": answer.headers["ETag"]}
    assert (await api.request("PUT", path, body=second, headers=fresh)).status == 200
    answer = await api.request("GET", path)
    assert (answer.json["port"], answer.json["sign_in"]) == (2222, "private-key")
    assert b"s3cret-word" not in answer.raw
    assert b"PRIVATE" not in answer.raw
    [row] = await office.rows("SELECT * FROM portal_sftp_credentials")
    assert b"PRIVATE" not in row["sealed_secret"]


_HOST_KEY = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
_LOCKED = asyncssh.generate_private_key("ssh-ed25519").export_private_key(
    "pkcs8-pem", passphrase="locked"
)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"host": ""}, "invalid-request"),
        ({"host": "-oProxyCommand=x"}, "invalid-request"),
        ({"host": "host name"}, "invalid-request"),
        ({"port": 0}, "invalid-request"),
        ({"port": 65_536}, "invalid-request"),
        ({"user": "two words"}, "invalid-request"),
        ({"password": None}, "invalid-request"),
        ({"private_key": "both"}, "invalid-request"),
        ({"host_key": "ssh-ed25519 AAAA"}, "key-not-usable"),
        ({"host_key": "SHA256:looks-like-a-fingerprint"}, "key-not-usable"),
        ({"password": None, "private_key": "no key"}, "key-not-usable"),
        ({"password": None, "private_key": _LOCKED.decode()}, "key-not-usable"),
    ],
)
async def test_an_sftp_access_that_cannot_work_is_refused(
    office: Office, api: ApiClient, changes: dict[str, object], problem: str
) -> None:
    await office.open(credentials=False)
    body: dict[str, object] = {
        "host": "127.0.0.1",
        "user": "practice-a",
        "host_key": _HOST_KEY,
        "password": "word",
    }
    answer = await api.request(
        "PUT",
        _path(office, "portal-credentials/sftp"),
        body={**body, **changes},
        headers=NONE_YET,
    )
    assert (answer.status, answer.code) == (422, problem)
    assert await office.rows("SELECT 1 FROM portal_sftp_credentials") == []


async def test_no_access_is_kept_for_a_practice_that_the_gateway_does_not_know(
    office: Office, api: ApiClient
) -> None:
    bodies = {
        "portal-credentials": {"client_id": "client-a", "client_secret": "s3cret"},
        "portal-credentials/sftp": {
            "host": "127.0.0.1",
            "user": "a",
            "host_key": _HOST_KEY,
            "password": "word",
        },
    }
    for path, body in bodies.items():
        answer = await api.request("PUT", _path(office, path), body=body, headers=NONE_YET)
        assert (answer.status, answer.code) == (404, "practice-unknown-to-gateway")
    assert await office.rows("SELECT 1 FROM portal_credentials") == []


async def test_an_assistant_may_not_touch_the_access(office: Office, api: ApiClient) -> None:
    assistant = api.as_user([UserRole.ASSISTANT])
    answer = await assistant.request("GET", _path(office, "portal-credentials"))
    assert (answer.status, answer.code) == (403, "role-not-allowed")


async def test_a_waiting_order_says_why_and_goes_on_when_the_access_is_entered(
    office: Office, api: ApiClient
) -> None:
    await office.open(credentials=False)
    order_id = await office.order()
    await office.ticks.send_orders()
    _, waiting = await api.get(_path(office, f"transmissions/{order_id}"))
    assert (waiting["state"], waiting["waits_for_person"]) == ("intended", True)
    assert waiting["words"] == (
        "The order waits to be sent. The practice's access to the portal is missing. Enter it."
    )
    await api.request(
        "PUT",
        _path(office, "portal-credentials"),
        body={"client_id": "client-of-CMD-4711", "client_secret": "s3cret"},
        headers=NONE_YET,
    )
    await office.ticks.send_orders()
    _, sent = await api.get(_path(office, f"transmissions/{order_id}"))
    assert (sent["state"], sent["waits_for_person"], sent["reason_code"]) == ("sent", False, None)


async def test_a_transmission_tells_its_story_in_plain_words(
    office: Office, api: ApiClient, portal: FakeDebidentPortal, clock: FrozenClock
) -> None:
    await office.open()
    order_id = await office.order()
    portal.lost_answers = 1
    await office.ticks.send_orders()
    clock.advance(ARRIVAL_CHECK_AFTER)
    await office.ticks.ask_about_orders()
    api = api.as_user()  # the first token has run out meanwhile
    status, story = await api.get(_path(office, f"transmissions/{order_id}"))
    assert status == 200
    [attempt], [poll] = story["latest_attempts"], story["latest_polls"]
    assert attempt["words"] == (
        "It is not known whether the order left."
        " The connection was lost before the portal's answer came."
    )
    assert poll["words"] == "The portal has the order; it has not arrived yet."
    unknown = await api.request("GET", _path(office, f"transmissions/{office.contract_id}"))
    assert (unknown.status, unknown.code) == (404, "transmission-not-found")


async def test_transmissions_are_listed_by_state_page_by_page(
    office: Office, api: ApiClient, clock: FrozenClock
) -> None:
    await office.open()
    made = []
    for _ in range(3):
        made.append(str(await office.order()))
        clock.advance(ARRIVAL_CHECK_AFTER)
    await office.ticks.send_orders()
    api = api.as_user()  # the first token has run out meanwhile
    seen: list[str] = []
    after: dict[str, str] = {}
    while True:
        status, page = await api.get(_path(office, "transmissions"), limit="2", **after)
        assert status == 200
        seen += [item["order_id"] for item in page["items"]]
        if page["next"] is None:
            break
        after = {"after": page["next"]}
    assert seen == made[::-1]
    _, sent = await api.get(_path(office, "transmissions"), state="sent")
    assert [item["order_id"] for item in sent["items"]] == made[:1]
    broken = await api.request("GET", _path(office, "transmissions"), query={"after": "x"})
    assert broken.code == "cursor-invalid"


async def test_deb_files_are_listed_with_every_id_and_with_what_stands_in_the_way(
    office: Office, api: ApiClient, portal: FakeDebidentPortal, clock: FrozenClock
) -> None:
    await office.open()
    await office.order()
    await office.ticks.send_orders()
    portal.offer_deb_file("CMD-4711", b"rows", file_id="f1")
    portal.offer_deb_file("CMD-4711", b"rows", file_id="f2")
    await office.ticks.fetch_deb_files()
    clock.advance(ARRIVAL_CHECK_AFTER)
    portal.unavailable = 1
    await office.ticks.fetch_deb_files()
    api = api.as_user()  # the first token has run out meanwhile
    _, listed = await api.get(_path(office, "deb-files"))
    assert [item["portal_file_ids"] for item in listed["items"]] == [["f1", "f2"]]
    assert [problem["words"] for problem in listed["problems"]] == [
        "The portal is not available for the moment."
    ]
    _, other = await api.get(_path(office, "deb-files"), contract_id=str(office.practice_id))
    assert other["items"] == []


async def test_transmissions_are_counted_under_their_filter(office: Office, api: ApiClient) -> None:
    await office.open()
    await office.order()
    path = _path(office, "transmissions")
    for query, count in (({}, 1), ({"state": "intended"}, 1), ({"state": "sent"}, 0)):
        _, page = await api.get(path, **query)
        assert (page["totals"], len(page["items"])) == ({"count": count, "exact": True}, count)
    _, page = await api.get(_path(office, "deb-files"))
    assert page["totals"] == {"count": 0, "exact": True}
