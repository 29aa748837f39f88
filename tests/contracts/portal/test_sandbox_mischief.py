"""Every misbehaviour of the stand-in has its effect: by API and by seed, over HTTP and over SFTP.

All of them exist on both ways. Over SFTP a sign-in cannot be malformed and a reading can be nothing
else, so the plan draws for each only what it can do; which event meets it is said in the table.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import AsyncIterator, Iterator
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
from services.debident_gateway.domain.model import SftpDoor
from shared.kernel.clock import SystemClock
from tests.contracts.portal import mischief_checks as seen
from tests.contracts.portal.harness import (
    ADMIN_SECRET,
    SandboxHarness,
    ThroughTheDoor,
)
from tests.contracts.portal.mischief_checks import HTTP, SFTP, Check, Scene
from tests.unit.debident_gateway.builders import access

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
    Case("late", seen.late, {"late_days": 2}, "late", _both(NEW_ORDER)),
    Case("lost answer", seen.lost_answer, {"lost_answer": 1}, "lost_answer", UPLOADS),
    Case("duplicate DEB", seen.duplicate, {"duplicate_deb": 1}, "duplicate_deb", _both(FILE)),
    Case("overlapping DEB", seen.overlapping, {}, "overlapping_deb", _both(FILE), number=2),
    Case("truncated file", seen.truncated, {"truncated_deb": 1}, "truncated_deb", _both(FILE)),
    Case(
        "wrong totals", seen.wrong_totals, {"wrong_totals_deb": 1}, "wrong_totals_deb", _both(FILE)
    ),
    Case(
        "refused lines",
        seen.refused_lines,
        {"refuse_lines": {"2026-000001": "address-unknown"}},
        "refuse_line",
        _both(ARRIVAL),
    ),
    Case("slow", seen.slow, {"slow_seconds": 0.5}, "slow", ARRIVING),
    Case("slow upload", seen.slow, {"slow_seconds": 0.5}, "slow", UPLOADS),
    *(
        Case(f"down {how}", seen.down(how), {"down": how}, "down", ARRIVING, outage=how)
        for how in DOWN_WAYS
    ),
    Case(
        "hostile rows", seen.hostile_rows, {"hostile_rows_deb": 1}, "hostile_rows_deb", _both(FILE)
    ),
    Case(
        "hostile file", seen.hostile_file, {"hostile_file_deb": 1}, "hostile_file_deb", _both(FILE)
    ),
    Case("withheld DEB", seen.withheld, {"withheld_deb": 1}, "withheld_deb", _both(FILE)),
    Case("unavailable", seen.unavailable, {"unavailable": 1}, "unavailable", ARRIVING),
    Case("hang", seen.hang, {"hang": 1}, "hang", ARRIVING),
    Case("dropped request", seen.drop_request, {"drop_request": 1}, "drop_request", UPLOADS),
    Case(
        "already have it", seen.already_have_it, {"already_have_it": 1}, "already_have_it", UPLOADS
    ),
    Case("malformed", seen.malformed_upload, {"malformed_answer": 1}, "malformed_answer", UPLOADS),
    Case(
        "malformed question",
        seen.malformed_question,
        {},
        "malformed_answer",
        {HTTP: ASK, SFTP: READING},
        # Over SFTP the acknowledgement is looked at once after the rename.
        number=0,
    ),
    Case(
        "refused order",
        seen.refuse_orders,
        {"refuse_orders": "order-limit-reached"},
        "refuse_order",
        _both(NEW_ORDER),
    ),
    Case(
        "refused arrival",
        seen.refuse_arrival,
        {"refuse_arrival": 1},
        "refuse_arrival",
        _both(ARRIVAL),
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
