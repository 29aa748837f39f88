"""The manual mode from the package to the DEB file, with a clerk at the portal's site."""

from __future__ import annotations

import hashlib
import tracemalloc
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from aiohttp import web
from sqlalchemy.exc import DBAPIError

from sandbox.debident.app import build_app
from sandbox.debident.settings import PortalSettings
from services.debident_gateway.adapters.debident_fake import FakeDebidentPortal
from services.debident_gateway.entrypoints.http_manual import DEB_FILE_BYTES_MAX
from shared.contracts.envelope import ContentRef
from shared.db.engine import Database
from shared.objectstore import open_object_store
from shared.testing import FrozenClock
from shared.web.endpoints import UserRole
from tests.contracts.portal.clerk import Clerk, a_clerk
from tests.contracts.portal.harness import ADMIN_SECRET, SandboxHarness
from tests.integration.debident_gateway.office import Office
from tests.support.audit import told
from tests.support.web import ApiClient, api_client
from tests.unit.debident_gateway.builders import access

BYTES = "application/octet-stream"


@pytest.fixture
async def api(office: Office) -> AsyncIterator[ApiClient]:
    """The gateway's API, called by a person of the practice."""
    async with api_client(
        office.definition.endpoints, office.database, clock=office.clock, service="debident-gateway"
    ) as client:
        yield client.as_user(subject="lea")


@pytest.fixture
async def site(tmp_path: Path, portal: FakeDebidentPortal) -> AsyncIterator[SandboxHarness]:
    """The portal's stand-in; only its site is used, no machine speaks with it."""
    settings = PortalSettings(state_dir=tmp_path, admin_secret=ADMIN_SECRET, deb_every_days=0)
    runner = web.AppRunner(build_app(settings))
    await runner.setup()
    listening = web.TCPSite(runner, "127.0.0.1", 0)
    await listening.start()
    harness = SandboxHarness(portal, f"http://127.0.0.1:{runner.addresses[0][1]}")
    await harness.register(access())
    yield harness
    await runner.cleanup()


@pytest.fixture
async def clerk(site: SandboxHarness) -> AsyncIterator[Clerk]:
    """A clerk who is logged in at the site."""
    async with a_clerk(site.base_url) as clerk:
        await clerk.log_in("client-a", "s3cret")
        yield clerk


def _path(office: Office, rest: str) -> str:
    return f"/v1/practices/{office.practice_id}/{rest}"


def _bring_path(office: Office, contract_id: UUID | None = None) -> str:
    return _path(office, f"contracts/{contract_id or office.contract_id}/deb-files")


async def _bring(
    api: ApiClient, office: Office, data: bytes, *, key: str | None = None, **changes: Any
) -> Any:
    return await api.request(
        "POST",
        _bring_path(office, changes.get("contract_id")),
        body=data,
        query={"name": changes.get("name", "CMD-4711-000001.deb")},
        headers={"Content-Type": changes.get("media_type", BYTES)},
        key=key,
    )


def _word(at: datetime, **changes: Any) -> dict[str, Any]:
    return {"uploaded_at": at.isoformat(), "reference": "DBD-1", "seen": "Auftrag da", **changes}


async def test_the_whole_procedure_by_hand_without_one_call_to_the_portal(
    office: Office, api: ApiClient, site: SandboxHarness, clerk: Clerk, portal: FakeDebidentPortal
) -> None:
    portal.unavailable = 1  # would be spent by any call
    await office.open(credentials=False, adapter="manual")
    prepared = await office.prepare("2026-000001", "2026-000002")
    await office.receive(prepared)
    order_id = prepared.order_id

    _, tasks = await api.get(_path(office, "manual-tasks"))
    [task] = tasks["items"]
    assert (task["kind"], task["order_id"]) == ("upload-package", str(order_id))
    file = await api.request("GET", _path(office, f"transmissions/{order_id}/package"))
    assert hashlib.sha256(file.raw).hexdigest() == task["package_sha256"]
    assert file.headers["ETag"] == f'"{task["package_sha256"]}"'
    assert file.headers["Content-Type"] == "application/zip"

    await site.misbehave(refuse_lines={"2026-000002": "address-unknown"})
    page = await clerk.upload(file.raw)
    assert task["package_sha256"] in page.html
    status, sent = await api.post(
        _path(office, f"transmissions/{order_id}/hand-over"),
        _word(office.clock.now(), package_sha256=task["package_sha256"]),
    )
    assert (status, sent["state"], sent["waits_for_person"]) == (200, "sent", False)
    assert [(one["reported_by"], one["seen"]) for one in sent["reports"]] == [("lea", "Auftrag da")]
    _, tasks = await api.get(_path(office, "manual-tasks"))
    assert [one["kind"] for one in tasks["items"]] == ["look-for-arrival"]

    await site.let_arrive()
    seen = (await clerk.see(f"/orders/{order_id}")).rows
    assert [(row[0], row[3]) for row in seen] == [
        ("2026-000001", "Reprise par le factor"),
        ("2026-000002", "Refusée"),
    ]
    await office.receive(office.confirmed_by_person(prepared))
    assert await office.state(order_id) == ("arrived", None)
    assert (await api.get(_path(office, "manual-tasks")))[1]["items"] == []

    await site.admin("POST", "/accounts/CMD-4711/deb-files", {"advance_days": 20})
    data = (await clerk.see("/deb-files/CMD-4711-000001")).raw
    brought = await _bring(api, office, data)
    assert (brought.status, brought.json["repeat"]) == (201, False)
    assert (brought.json["source"], brought.json["uploaded_by"]) == ("manual", "lea")
    again = await _bring(api, office, data)
    assert (again.status, again.json["repeat"]) == (200, True)

    await office.ticks.send_orders()
    await office.ticks.ask_about_orders()
    await office.ticks.fetch_deb_files()
    told = await office.told()
    assert [name for name, _ in told] == ["order-sent", "deb-file-fetched"]
    assert (told[0][1]["evidence"], told[1][1]["source"]) == ("person", "manual")
    assert told[1][1]["file"]["sha256"] == hashlib.sha256(data).hexdigest()
    assert portal.unavailable == 1


async def test_a_manual_contract_keeps_every_timer_from_the_portal_while_the_order_waits(
    office: Office, api: ApiClient, portal: FakeDebidentPortal, clock: FrozenClock
) -> None:
    portal.unavailable = 1
    await office.open(adapter="manual")
    order_id = await office.order()
    for _ in range(3):
        await office.ticks.send_orders()
        clock.advance(timedelta(hours=1))
    assert await office.state(order_id) == ("intended", "contract-uses-manual")
    api = api.as_user(subject="lea")
    await api.post(_path(office, f"transmissions/{order_id}/hand-over"), _word(clock.now()))
    for _ in range(3):
        clock.advance(timedelta(hours=5))
        await office.ticks.ask_about_orders()
        await office.ticks.fetch_deb_files()
    assert await office.state(order_id) == ("sent", "person-looks-for-arrival")
    assert portal.unavailable == 1
    api = api.as_user()
    _, listed = await api.get(_path(office, "deb-files"))
    assert listed["problems"] == []


async def test_a_contract_that_changes_to_the_machine_is_sent_by_it(
    office: Office, clock: FrozenClock
) -> None:
    await office.open(adapter="manual")
    order_id = await office.order()
    await office.receive(office.contract_changed(version=2, adapter="http"))
    clock.advance(timedelta(hours=1))
    await office.ticks.send_orders()
    assert (await office.state(order_id))[0] == "sent"


async def test_steps_by_hand_are_refused_where_they_do_not_belong(
    office: Office, api: ApiClient
) -> None:
    await office.open()
    order_id = await office.order()
    for path, word in (
        ("hand-over", _word(office.clock.now())),
        ("report-refusal", _refusal(office)),
    ):
        answer = await api.request(
            "POST", _path(office, f"transmissions/{order_id}/{path}"), body=word
        )
        assert (answer.status, answer.code) == (409, "contract-not-manual")
        unknown = await api.request(
            "POST", _path(office, f"transmissions/{uuid4()}/{path}"), body=word
        )
        assert (unknown.status, unknown.code) == (404, "transmission-not-found")
    package = await api.request("GET", _path(office, f"transmissions/{order_id}/package"))
    assert (package.status, package.code) == (409, "contract-not-manual")
    unknown = await api.request("GET", _path(office, f"transmissions/{uuid4()}/package"))
    assert unknown.code == "transmission-not-found"


def _refusal(office: Office) -> dict[str, Any]:
    return {
        "observed_at": office.clock.now().isoformat(),
        "reference": "DBD-1",
        "seen": "zurückgewiesen",
        "reason_code": "wrong-account",
    }


async def test_a_refusal_that_was_seen_is_told_and_repeated_under_its_key_only_once(
    office: Office, api: ApiClient
) -> None:
    await office.open(adapter="manual")
    order_id = await office.order()
    hand_over = _path(office, f"transmissions/{order_id}/hand-over")
    word = _word(office.clock.now())
    for _ in range(2):
        status, _body = await api.post(hand_over, word, key="once-1234567890")
        assert status == 200
    refused = _path(office, f"transmissions/{order_id}/report-refusal")
    status, body = await api.post(refused, _refusal(office))
    assert (status, body["state"], len(body["reports"])) == (200, "refused", 2)
    assert await office.told_types() == ["order-sent", "order-refused"]
    handed_over, refused_there = await told(
        office.database, office.practice_id, "handOverOrder", "reportOrderRefusal"
    )
    assert (handed_over[1]["state"], handed_over[2]["state"]) == ("intended", "sent")
    assert handed_over[2]["portal_reference"] == word["reference"]
    assert (refused_there[1]["state"], refused_there[2]["state"]) == ("sent", "refused")
    assert refused_there[2]["reason_code"] == _refusal(office)["reason_code"]


@pytest.mark.parametrize(
    "change",
    [
        {"seen": ""},
        {"seen": " \n "},
        {"seen": "a\x00b"},
        {"reference": "two\nlines"},
        {"reference": "x" * 101},
        {"package_sha256": "short"},
        {"uploaded_at": "2026-03-02T08:00:00"},
        {"extra": 1},
    ],
)
async def test_a_word_that_is_not_usable_is_refused_by_its_field(
    office: Office, api: ApiClient, change: dict[str, Any]
) -> None:
    await office.open(adapter="manual")
    order_id = await office.order()
    answer = await api.request(
        "POST",
        _path(office, f"transmissions/{order_id}/hand-over"),
        body=_word(office.clock.now(), **change),
    )
    assert answer.status in {400, 422}
    assert (await office.state(order_id))[0] == "intended"


async def test_a_brought_file_is_limited_checked_and_of_the_right_contract(
    office: Office, api: ApiClient
) -> None:
    await office.open(adapter="manual")
    assert (await _bring(api, office, b"")).code == "deb-file-empty"
    assert (await _bring(api, office, b"x", name="../x")).status in {400, 422}
    assert (await _bring(api, office, b"x", media_type="text/plain")).status == 415
    unknown = await _bring(api, office, b"x", contract_id=uuid4())
    assert (unknown.status, unknown.code) == (404, "contract-not-found")
    [upload] = [one for one in office.definition.endpoints if one.operation_id == "bringDebFile"]
    assert upload.max_body_bytes == DEB_FILE_BYTES_MAX == 2_000_000_000
    reader = api.as_user([UserRole.CONTROLLER])
    assert (await _bring(reader, office, b"x")).code == "role-not-allowed"
    assert await office.told_types() == []
    assert await office.rows("SELECT 1 AS one FROM deb_file") == []


async def test_bytes_that_the_portal_offers_later_are_a_repeat_of_what_was_brought(
    office: Office, api: ApiClient, portal: FakeDebidentPortal
) -> None:
    await office.open()
    await office.order()
    await office.ticks.send_orders()
    assert (await _bring(api, office, b"rows")).status == 201
    portal.offer_deb_file("CMD-4711", b"rows", file_id="f1")
    await office.ticks.fetch_deb_files()
    assert (await office.told_types()).count("deb-file-fetched") == 1
    again = await _bring(api, office, b"rows")
    assert (again.status, again.json["portal_file_ids"]) == (200, ["f1"])


async def test_a_report_is_never_changed_afterwards(office: Office, api: ApiClient) -> None:
    await office.open(adapter="manual")
    order_id = await office.order()
    await api.post(_path(office, f"transmissions/{order_id}/hand-over"), _word(office.clock.now()))
    with pytest.raises(DBAPIError):
        await office.rows("UPDATE hand_report SET seen = 'other' RETURNING seen")


LARGE_PIECES = 384
_PIECE = bytes(range(256)) * 256


async def _large_upload() -> AsyncIterator[bytes]:
    """24 MiB that are never whole in memory here either."""
    for number in range(LARGE_PIECES):
        yield number.to_bytes(4, "big") + _PIECE[4:]


async def test_a_large_file_that_a_person_brings_goes_into_the_store_in_pieces(
    database: Database, clock: FrozenClock, portal: FakeDebidentPortal, tmp_path: Path
) -> None:
    store = open_object_store(f"file://{tmp_path}/objects", key=bytes(32))
    office = await Office(database, clock, store, portal).open()
    async with api_client(
        office.definition.endpoints, database, clock=clock, service="debident-gateway"
    ) as client:
        api = client.as_user(subject="lea")
        headers = {
            "Authorization": f"Bearer {api.token}",
            "Content-Type": BYTES,
            "Idempotency-Key": str(uuid4()),
        }
        url = f"{api.base_url}{_bring_path(office)}?name=large.deb"
        tracemalloc.start()
        async with api.session.post(url, data=_large_upload(), headers=headers) as answer:
            status, brought = answer.status, await answer.json()
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    size = LARGE_PIECES * len(_PIECE)
    assert (status, brought["size_bytes"]) == (201, size), brought
    assert peak < size // 4, "the file was never whole in memory"
    [file] = await office.rows("SELECT content_key, sha256, size_bytes FROM deb_file")
    ref = ContentRef(
        key=file["content_key"], sha256=file["sha256"], size_bytes=size, media_type=BYTES
    )
    kept = hashlib.sha256()
    async for piece in store.stream(ref, practice_id=office.practice_id):
        kept.update(piece)
    assert kept.hexdigest() == file["sha256"]
