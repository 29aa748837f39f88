"""Every misbehaviour of the stand-in has its effect: by API and by seed, over HTTP and over SFTP.

All of them exist on both ways. Over SFTP a sign-in cannot be malformed and a reading can be nothing
else, so the plan draws for each only what it can do; which event meets it is said in the table.
"""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from sandbox.debident.app import build_app
from sandbox.debident.mischief import (
    ARRIVAL,
    ASK,
    DOWN_WAYS,
    FILE,
    PLANNED,
    READING,
    RENAME,
    SIGN_IN,
    UPLOAD,
    Plan,
)
from sandbox.debident.mischief import ORDER as NEW_ORDER
from sandbox.debident.settings import PortalSettings
from services.debident_gateway.adapters.debident_http import HttpDebidentPortal
from services.debident_gateway.adapters.debident_sftp import SftpDebidentPortal
from services.debident_gateway.domain.answers import (
    Accepted,
    AlreadyHaveIt,
    Arrived,
    InDoubt,
    NotSent,
    Received,
    Refused,
    RefusedOnArrival,
    SendOutcome,
    StatusAnswer,
)
from services.debident_gateway.domain.model import SftpDoor
from services.debident_gateway.ports.portal import PortalSilentError
from shared.kernel.clock import SystemClock
from tests.contracts.portal.harness import (
    ADMIN_SECRET,
    SandboxHarness,
    ThroughTheDoor,
    downloaded,
    sha256,
)
from tests.support.waiting import eventually
from tests.unit.debident_gateway.builders import ACCOUNT, ORDER, access, package

HTTP, SFTP = "http", "sftp"
TIMEOUT_SECONDS = 3
INTENSITY = 10
LOOKED_AT = {
    UPLOAD: 2,
    ASK: 5,
    SIGN_IN: 6,
    READING: 4,
    RENAME: 2,
    NEW_ORDER: 1,
    ARRIVAL: 1,
    FILE: 2,
}
"""How many events of each kind a check meets at most: all but the one meant have to be harmless."""


@dataclass
class Scene:
    """A stand-in, the way to it, and how it was told."""

    site: SandboxHarness
    way: str
    how: str

    async def send(self) -> SendOutcome:
        data = package()
        return await self.site.portal.send_order(access(), ORDER, data, sha256=sha256(data))

    async def status(self) -> StatusAnswer:
        return await self.site.portal.order_status(access(), ORDER)

    async def files(self) -> list[bytes]:
        page = await self.site.portal.list_deb_files(access(), after=0)
        return [await downloaded(self.site.portal, access(), file) for file in page.files]

    async def arrived(self) -> None:
        assert isinstance(await self.send(), Accepted)
        await self.site.let_arrive()

    async def published(self) -> list[bytes]:
        await self.arrived()
        await self.site.publish(ACCOUNT)
        return await self.files()

    async def later(self, days: float) -> None:
        await self.site.admin("POST", "/advance", {"days": days})

    async def uploads(self) -> int:
        return await self.site.uploads(ORDER)


Check = Callable[[Scene], Awaitable[None]]


async def late(scene: Scene) -> None:
    await scene.arrived()
    assert isinstance(await scene.status(), Received)
    await scene.later(2)
    assert isinstance(await scene.status(), Arrived)


async def lost_answer(scene: Scene) -> None:
    assert await scene.send() == InDoubt("connection-lost")
    assert await scene.uploads() == 1
    assert isinstance(await scene.status(), Received)


async def drop_request(scene: Scene) -> None:
    assert await scene.send() == InDoubt("connection-lost")
    assert await scene.uploads() == 0


async def already_have_it(scene: Scene) -> None:
    outcome = await scene.send()
    # Over SFTP the rename is answered "no", and what lies in the folders tells that it is there.
    assert isinstance(outcome, AlreadyHaveIt if scene.way == HTTP else Accepted)
    assert await scene.uploads() == 1


async def malformed_upload(scene: Scene) -> None:
    outcome = await scene.send()
    # Over SFTP the rename said yes; the acknowledgement behind it is the one that says nothing.
    if scene.way == HTTP:
        assert isinstance(outcome, InDoubt)
        assert outcome.code in {"unreadable-answer", "answer-too-large"}
    else:
        assert outcome == Accepted(str(ORDER))
    assert await scene.uploads() == 1
    known = await scene.status()
    assert isinstance(known, Received)
    assert known.reference != str(ORDER)


async def malformed_question(scene: Scene) -> None:
    # The events of the upload come first; what is meant is the question after it.
    if scene.how == "api":
        assert isinstance(await scene.send(), Accepted)
        await scene.site.misbehave(malformed_answer=1)
    else:
        assert isinstance(await scene.send(), Accepted)
    with pytest.raises(PortalSilentError) as silent:
        await scene.status()
    assert silent.value.code in {"unreadable-answer", "answer-too-large"}
    assert isinstance(await scene.status(), Received)


async def unavailable(scene: Scene) -> None:
    outcome = await scene.send()
    assert isinstance(outcome, NotSent)
    assert outcome.code == "portal-unavailable"
    assert await scene.uploads() == 0
    assert isinstance(await scene.send(), Accepted)


async def hang(scene: Scene) -> None:
    # Over SFTP it is the sign-in that hangs, before anything can have left.
    doubt = InDoubt("time-out") if scene.way == HTTP else NotSent("time-out")
    assert await scene.send() == doubt
    assert await scene.uploads() == 0
    assert isinstance(await scene.send(), Accepted)


async def slow(scene: Scene) -> None:
    began = time.monotonic()
    assert isinstance(await scene.send(), Accepted)
    assert time.monotonic() - began >= 0.5


async def refuse_orders(scene: Scene) -> None:
    outcome = await scene.send()
    assert isinstance(outcome, Refused)
    assert outcome.code == "order-limit-reached"
    assert await scene.uploads() == 0


async def refused_lines(scene: Scene) -> None:
    await scene.arrived()
    status = await scene.status()
    assert isinstance(status, Arrived)
    [line] = status.lines
    assert (line.accepted, line.code) == (False, "address-unknown")


async def refuse_arrival(scene: Scene) -> None:
    await scene.arrived()
    assert isinstance(await scene.status(), RefusedOnArrival)


async def duplicate(scene: Scene) -> None:
    first, again = await scene.published()
    assert first == again


async def overlapping(scene: Scene) -> None:
    [first] = await scene.published()
    if scene.how == "api":
        await scene.site.misbehave(overlapping_deb=1)
    await scene.site.admin("POST", f"/accounts/{ACCOUNT}/deb-files", {"advance_days": 60})
    _, second = await scene.files()
    assert set(_rows(first)) < set(_rows(second))


async def truncated(scene: Scene) -> None:
    [cut] = await scene.published()
    await scene.later(1.1)
    [whole] = await scene.files()
    assert whole.startswith(cut)
    assert b"\r\nT" in whole
    assert b"\r\nT" not in cut


async def wrong_totals(scene: Scene) -> None:
    [wrong] = await scene.published()
    await scene.later(1.1)
    [right] = await scene.files()
    assert _rows(wrong) == _rows(right)
    assert abs(int(_trailer(wrong)[10:26]) - int(_trailer(right)[10:26])) == 1


async def hostile_file(scene: Scene) -> None:
    [broken] = await scene.published()
    await scene.later(1.1)
    [right] = await scene.files()
    assert broken != right


async def hostile_rows(scene: Scene) -> None:
    [file] = await scene.published()
    assert b"\x00" in file
    assert b"<script>" in file


async def withheld(scene: Scene) -> None:
    assert await scene.published() == []
    await scene.later(3.1)
    assert len(await scene.files()) == 1


def down(how: str) -> Check:
    async def check(scene: Scene) -> None:
        outcome = await scene.send()
        code = {
            "unavailable": "portal-unavailable",
            "hang": "time-out",
            # Over SFTP the break comes while the connection is still being made.
            "cut-off": "connection-lost" if scene.way == HTTP else "could-not-connect",
        }[how]
        assert isinstance(outcome, (NotSent, InDoubt))
        assert outcome.code == code
        # By seed it begins with the upload itself, whose token had been given before.
        if scene.way == SFTP or how == "unavailable":
            assert isinstance(outcome, NotSent)
        assert await scene.uploads() == 0
        if scene.how == "api":
            await scene.site.misbehave()

        async def answers_again() -> bool:
            return isinstance(await scene.send(), Accepted)

        await eventually(answers_again, within_seconds=40, because="the outage ends")

    return check


def _rows(content: bytes) -> list[bytes]:
    return [line for line in content.split(b"\r\n") if line.startswith(b"R")]


def _trailer(content: bytes) -> bytes:
    return next(line for line in content.split(b"\r\n") if line.startswith(b"T"))


@dataclass(frozen=True)
class Case:
    """A misbehaviour.

    Attributes:
        switches: how the API is told; nothing: the check does it in the middle of its story.
        event: which event meets it by seed, per way; with a number where it is not the first.
    """

    name: str
    check: Check
    switches: dict[str, Any]
    planned: str
    event: dict[str, str]
    number: int = 1
    outage: str | None = field(default=None)


def _both(event: str) -> dict[str, str]:
    return {HTTP: event, SFTP: event}


UPLOADS = {HTTP: UPLOAD, SFTP: RENAME}
ARRIVING = {HTTP: UPLOAD, SFTP: SIGN_IN}
CASES = (
    Case("late", late, {"late_days": 2}, "late", _both(NEW_ORDER)),
    Case("lost answer", lost_answer, {"lost_answer": 1}, "lost_answer", UPLOADS),
    Case("duplicate DEB", duplicate, {"duplicate_deb": 1}, "duplicate_deb", _both(FILE)),
    Case("overlapping DEB", overlapping, {}, "overlapping_deb", _both(FILE), number=2),
    Case("truncated file", truncated, {"truncated_deb": 1}, "truncated_deb", _both(FILE)),
    Case("wrong totals", wrong_totals, {"wrong_totals_deb": 1}, "wrong_totals_deb", _both(FILE)),
    Case(
        "refused lines",
        refused_lines,
        {"refuse_lines": {"2026-000001": "address-unknown"}},
        "refuse_line",
        _both(ARRIVAL),
    ),
    Case("slow", slow, {"slow_seconds": 0.5}, "slow", ARRIVING),
    Case("slow upload", slow, {"slow_seconds": 0.5}, "slow", UPLOADS),
    *(
        Case(f"down {how}", down(how), {"down": how}, "down", ARRIVING, outage=how)
        for how in DOWN_WAYS
    ),
    Case("hostile rows", hostile_rows, {"hostile_rows_deb": 1}, "hostile_rows_deb", _both(FILE)),
    Case("hostile file", hostile_file, {"hostile_file_deb": 1}, "hostile_file_deb", _both(FILE)),
    Case("withheld DEB", withheld, {"withheld_deb": 1}, "withheld_deb", _both(FILE)),
    Case("unavailable", unavailable, {"unavailable": 1}, "unavailable", ARRIVING),
    Case("hang", hang, {"hang": 1}, "hang", ARRIVING),
    Case("dropped request", drop_request, {"drop_request": 1}, "drop_request", UPLOADS),
    Case("already have it", already_have_it, {"already_have_it": 1}, "already_have_it", UPLOADS),
    Case("malformed", malformed_upload, {"malformed_answer": 1}, "malformed_answer", UPLOADS),
    Case(
        "malformed question",
        malformed_question,
        {},
        "malformed_answer",
        {HTTP: ASK, SFTP: READING},
        # Over SFTP the acknowledgement is looked at once after the rename.
        number=0,
    ),
    Case(
        "refused order",
        refuse_orders,
        {"refuse_orders": "order-limit-reached"},
        "refuse_order",
        _both(NEW_ORDER),
    ),
    Case(
        "refused arrival", refuse_arrival, {"refuse_arrival": 1}, "refuse_arrival", _both(ARRIVAL)
    ),
)


def _number(case: Case, way: str) -> int:
    return case.number or {HTTP: 1, SFTP: 2}[way]


def _plan(case: Case, way: str) -> Plan:
    """Return a plan by which the event meets the misbehaviour, and no other event any."""
    at = (case.event[way], _number(case, way))
    others = [(event, n) for event, most in LOOKED_AT.items() for n in range(1, most + 1)]
    for seed in itertools.count():
        plan = Plan(str(seed), INTENSITY)
        if plan.name_for(*at) != case.planned:
            continue
        if case.outage is not None and plan.outage_for(*at) != (case.outage, 2):
            continue
        if all(plan.name_for(*other) is None for other in others if other != at):
            return plan
    raise AssertionError("the seeds never end")


@asynccontextmanager
async def _scene(folder: Path, way: str, plan: Plan | None) -> AsyncIterator[Scene]:
    settings = PortalSettings(
        state_dir=folder, admin_secret=ADMIN_SECRET, deb_every_days=0, sftp_port=0, plan=plan
    )
    runner = web.AppRunner(build_app(settings))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    found = json.loads((folder / "sftp.json").read_text())
    door = SftpDoor(found["host"], found["port"], found["host_key"], "password")
    limits = {"timeout_seconds": TIMEOUT_SECONDS, "deb_file_bytes_max": 1_000_000}
    over_http = HttpDebidentPortal(url, clock=SystemClock(), **limits)
    over_sftp = ThroughTheDoor(SftpDebidentPortal(connections_max=4, **limits), door)
    site = SandboxHarness(over_http if way == HTTP else over_sftp, url)
    await site.register(access())
    try:
        yield Scene(site, way, "api" if plan is None else "seed")
    finally:
        await runner.cleanup()


def _id(value: object) -> str:
    return value.name.replace(" ", "-") if isinstance(value, Case) else str(value)


@pytest.mark.parametrize("way", [HTTP, SFTP])
@pytest.mark.parametrize("how", ["api", "seed"])
@pytest.mark.parametrize("case", CASES, ids=_id)
async def test_a_misbehaviour_has_its_effect(
    tmp_path: Path, case: Case, how: str, way: str
) -> None:
    async with _scene(tmp_path, way, _plan(case, way) if how == "seed" else None) as scene:
        if how == "api":
            await scene.site.misbehave(**case.switches)
        await case.check(scene)
        if how == "seed":
            overview = await scene.site.admin("GET", "/overview")
            [done] = overview["misbehaviour"]["done"]
            name = case.planned.replace("_", "-")
            assert (done["name"], done["event"]) == (name, case.event[way])


def test_every_misbehaviour_of_the_plan_is_in_the_table() -> None:
    planned = {name for names in PLANNED.values() for name in names}
    assert planned == {case.planned for case in CASES}


def _outages() -> Iterator[tuple[str, int]]:
    return (Plan(str(seed), 50).outage_for(UPLOAD, 1) for seed in range(200))


def test_a_planned_outage_is_a_window_of_some_seconds() -> None:
    assert {how for how, _ in _outages()} == set(DOWN_WAYS)
    assert {seconds for _, seconds in _outages()} == {2, 3, 4, 5, 6}
