"""The gateway and the portal's stand-in as a process of its own, over real sockets."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from sandbox.ports import free_port
from sandbox.processes import ProcessRunner
from services.debident_gateway.domain.model import SftpDoor
from shared.db.engine import Database
from shared.kernel.clock import SystemClock
from shared.objectstore import open_object_store
from shared.runtime.parts import run_parts
from tests.integration.debident_gateway.office import Office, settings
from tests.support.waiting import eventually

ACCOUNT = "CMD-4711"
AT_ONCE: dict[str, Any] = {
    "arrival_check_after_seconds": 0,
    "arrival_poll_interval_seconds": 1,
    "deb_poll_interval_seconds": 1,
}


class StandIn:
    """The stand-in's process."""

    def __init__(self, runner: ProcessRunner, state_dir: Path) -> None:
        self._runner = runner
        self._port = free_port()
        self._state_dir = state_dir
        self.url = f"http://127.0.0.1:{self._port}"
        self._environment = {
            **os.environ,
            "DEBIDENT_PORT": str(self._port),
            "DEBIDENT_STATE_DIR": str(state_dir),
            "DEBIDENT_ADMIN_SECRET": "geheim",
            "DEBIDENT_DEB_EVERY_DAYS": "0",
            "DEBIDENT_SFTP_PORT": "0",
        }

    def start(self) -> None:
        """Start it and let the practice in."""
        self._runner.start_module("debident", "sandbox.debident", env=self._environment)
        self._runner.wait_until_ready("debident", f"{self.url}/health/ready")

    def kill(self) -> None:
        """End it as a crash would."""
        self._runner.kill("debident")

    def admin(self, method: str, path: str, body: object = None) -> Any:
        """Call its admin API."""
        request = urllib.request.Request(  # noqa: S310 - loopback
            f"{self.url}/admin{path}",
            method=method,
            data=json.dumps(body or {}).encode(),
            headers={"Authorization": "Bearer geheim", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - loopback
            content = answer.read()
        return json.loads(content) if content else None

    def sftp_door(self) -> SftpDoor:
        """Where its SFTP server listens."""
        address = json.loads((self._state_dir / "sftp.json").read_text())
        return SftpDoor(address["host"], address["port"], address["host_key"], "password")

    def uploads(self) -> list[int]:
        """How often each order's bytes came."""
        return [order["uploads"] for order in self.admin("GET", "/overview")["orders"]]


@pytest.fixture
def stand_in(tmp_path: Path) -> Iterator[StandIn]:
    """A running stand-in that knows the account."""
    with ProcessRunner(tmp_path / "run") as runner:
        found = StandIn(runner, tmp_path / "state")
        found.start()
        client = {"client_secret": "s3cret", "account_number": ACCOUNT}
        found.admin("PUT", f"/clients/client-of-{ACCOUNT}", client)
        yield found


@pytest.fixture
def real_office(database: Database, stand_in: StandIn) -> Office:
    """The gateway with the real adapter and the machine's clock."""
    chosen = settings(
        stand_in.url,
        tick_interval_seconds=0.05,
        portal_timeout_seconds=2,
        doubt_settle_seconds=0.1,
    )
    store = open_object_store("memory:", key=bytes(32))
    return Office(database, SystemClock(), store, None, account=ACCOUNT, with_settings=chosen)


@asynccontextmanager
async def _timers_of(office: Office) -> AsyncIterator[Office]:
    stop = asyncio.Event()
    task = asyncio.create_task(run_parts(office.definition.timers, stop=stop))
    yield office
    stop.set()
    assert await task == 0


@pytest.fixture
async def running(real_office: Office) -> AsyncIterator[Office]:
    """The gateway's timers, running."""
    await real_office.open(**AT_ONCE)
    async with _timers_of(real_office) as office:
        yield office


@pytest.fixture
async def running_over_sftp(real_office: Office, stand_in: StandIn) -> AsyncIterator[Office]:
    """The same, for a contract whose orders go out over SFTP."""
    await real_office.open(credentials=False, adapter="sftp", **AT_ONCE)
    await real_office.enter_sftp_access(stand_in.sftp_door(), f"client-of-{ACCOUNT}")
    async with _timers_of(real_office) as office:
        yield office


async def test_a_whole_life_passes_within_seconds_and_every_byte_is_fetched(
    running: Office, stand_in: StandIn
) -> None:
    order_id = await running.order("2026-000001", "2026-000002")
    await _until(lambda: _is(running, order_id, "sent"), "the order is sent")
    stand_in.admin("POST", "/advance", {"days": 1})
    await _until(lambda: _is(running, order_id, "arrived"), "the order arrives")
    stand_in.admin("POST", f"/accounts/{ACCOUNT}/deb-files", {"advance_days": 20})
    stand_in.admin("PUT", "/misbehaviour", {"duplicate-deb": 1})
    stand_in.admin("POST", f"/accounts/{ACCOUNT}/deb-files", {"advance_days": 150})
    await _until(lambda: _listed(running, 3), "every offered file is seen")
    types = await running.told_types()
    assert sorted(types) == ["deb-file-fetched", "deb-file-fetched", "order-arrived", "order-sent"]
    offered = {row["sha256"] for row in stand_in.admin("GET", "/overview")["deb_files"]}
    fetched = await running.rows("SELECT sha256 FROM deb_file")
    assert {row["sha256"] for row in fetched} == offered


async def test_over_sftp_an_order_is_sent_and_arrives_and_its_deb_file_is_fetched(
    running_over_sftp: Office, stand_in: StandIn
) -> None:
    office = running_over_sftp
    order_id = await office.order("2026-000001", "2026-000002")
    await _until(lambda: _is(office, order_id, "sent"), "the order is sent")
    stand_in.admin("POST", "/advance", {"days": 1})
    await _until(lambda: _is(office, order_id, "arrived"), "the order arrives")
    stand_in.admin("POST", f"/accounts/{ACCOUNT}/deb-files", {"advance_days": 20})
    await _until(lambda: _listed(office, 1), "the DEB file is fetched")
    assert sorted(await office.told_types()) == ["deb-file-fetched", "order-arrived", "order-sent"]
    [offered] = stand_in.admin("GET", "/overview")["deb_files"]
    assert await office.rows("SELECT sha256 FROM deb_file") == [{"sha256": offered["sha256"]}]
    assert stand_in.uploads() == [1]


async def test_over_sftp_every_misbehaviour_on_the_way_ends_with_one_accepted_order(
    running_over_sftp: Office, stand_in: StandIn
) -> None:
    stand_in.admin("PUT", "/misbehaviour", {"drop-request": 1, "lost-answer": 1, "unavailable": 2})
    order_id = await running_over_sftp.order()
    await _until(lambda: _is(running_over_sftp, order_id, "sent"), "the order is sent")
    assert stand_in.uploads() == [1]
    assert (await running_over_sftp.told_types()).count("order-sent") == 1


async def test_every_misbehaviour_on_the_way_still_ends_with_one_accepted_order(
    running: Office, stand_in: StandIn
) -> None:
    stand_in.admin("PUT", "/misbehaviour", {"drop-request": 1, "lost-answer": 1, "unavailable": 2})
    order_id = await running.order()
    await _until(lambda: _is(running, order_id, "sent"), "the order is sent")
    assert stand_in.uploads() == [1]
    assert (await running.told_types()).count("order-sent") == 1


async def test_a_closed_door_is_no_doubt_and_the_order_leaves_once_it_opens(
    running: Office, stand_in: StandIn
) -> None:
    stand_in.admin("POST", "/close", {"seconds": 2})
    order_id = await running.order()
    await _until(lambda: _told(running, "order-send-failed"), "nobody listens")
    [failed] = [data for name, data in await running.told() if name == "order-send-failed"][:1]
    assert (failed["outcome"], failed["reason_code"]) == ("not-sent", "could-not-connect")
    await _until(lambda: _is(running, order_id, "sent"), "the order is sent")
    assert stand_in.uploads() == [1]


async def test_files_that_are_broken_withheld_and_repeated_all_arrive_whole_in_the_end(
    running: Office, stand_in: StandIn
) -> None:
    order_id = await running.order("2026-000001", "2026-000002")
    await _until(lambda: _is(running, order_id, "sent"), "the order is sent")
    stand_in.admin("POST", "/advance", {"days": 1})
    flaws = ("truncated-deb", "wrong-totals-deb", "hostile-file-deb", "withheld-deb")
    for place, flaw in enumerate(flaws):
        stand_in.admin("PUT", "/misbehaviour", {flaw: 1, "malformed-answer": 1})
        days = 3 if place == 0 else 14
        stand_in.admin("POST", f"/accounts/{ACCOUNT}/deb-files", {"advance_days": days})
        await _until(lambda: _has_all_offered(running, stand_in), "what is shown is fetched")
    stand_in.admin("POST", "/advance", {"days": 5})
    await _until(lambda: _has_all_offered(running, stand_in), "what was mended is fetched")
    files = stand_in.admin("GET", "/overview")["deb_files"]
    assert all(row["hidden_until"] is None and row["mended_at"] is None for row in files)


async def test_a_portal_killed_after_it_took_the_order_still_has_it_when_it_comes_back(
    running: Office, stand_in: StandIn
) -> None:
    stand_in.admin("PUT", "/misbehaviour", {"lost-answer": 1})
    order_id = await running.order()
    await _until(lambda: _left(running, order_id, "intended"), "the send began")
    stand_in.kill()
    stand_in.start()
    await _until(lambda: _is(running, order_id, "sent"), "the doubt is settled")
    assert stand_in.uploads() == [1]


async def test_the_stand_in_keeps_what_it_was_given_through_a_kill(
    running: Office, stand_in: StandIn
) -> None:
    order_id = await running.order()
    await _until(lambda: _is(running, order_id, "sent"), "the order is sent")
    stand_in.admin("POST", "/advance", {"days": 1})
    stand_in.admin("POST", f"/accounts/{ACCOUNT}/deb-files", {"advance_days": 5})
    before = stand_in.admin("GET", "/overview")
    stand_in.kill()
    stand_in.start()
    after = stand_in.admin("GET", "/overview")
    assert after["orders"] == before["orders"]
    assert after["deb_files"] == before["deb_files"]
    digest = hashlib.sha256(json.dumps(before["accounts"]).encode()).hexdigest()
    assert hashlib.sha256(json.dumps(after["accounts"]).encode()).hexdigest() == digest


async def _until(condition: Callable[[], Awaitable[bool]], because: str) -> None:
    chosen: Callable[[], bool | Awaitable[bool]] = condition
    await eventually(chosen, within_seconds=60, because=because)


async def _is(office: Office, order_id: Any, state: str) -> bool:
    return (await office.state(order_id))[0] == state


async def _left(office: Office, order_id: Any, state: str) -> bool:
    return (await office.state(order_id))[0] not in {state, "sending"}


async def _listed(office: Office, count: int) -> bool:
    return len(await office.rows("SELECT 1 AS one FROM deb_listing")) == count


async def _told(office: Office, name: str) -> bool:
    return name in await office.told_types()


async def _has_all_offered(office: Office, stand_in: StandIn) -> bool:
    """Whether every file that the portal shows now is here, byte for byte."""
    shown = stand_in.admin("GET", "/overview")["deb_files"]
    offered = {row["sha256"] for row in shown if row["hidden_until"] is None}
    return offered <= {row["sha256"] for row in await office.rows("SELECT sha256 FROM deb_file")}
