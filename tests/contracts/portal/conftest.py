"""The portals that must keep the same promises."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from sandbox.debident.app import build_app
from sandbox.debident.settings import PortalSettings
from services.debident_gateway.adapters.debident_http import HttpDebidentPortal
from services.debident_gateway.adapters.debident_sftp import SftpDebidentPortal
from services.debident_gateway.domain.model import SftpDoor
from shared.kernel.clock import SystemClock
from tests.contracts.portal.harness import (
    ADMIN_SECRET,
    FakeHarness,
    PortalHarness,
    SandboxHarness,
    ThroughTheDoor,
)

TIMEOUT_SECONDS = 5


@asynccontextmanager
async def _stand_in(state_dir: Path) -> AsyncIterator[str]:
    settings = PortalSettings(
        state_dir=state_dir,
        admin_secret=ADMIN_SECRET,
        deb_every_days=0,
        package_bytes_max=5_000_000,
        sftp_port=0,
    )
    runner = web.AppRunner(build_app(settings))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[SandboxHarness]:
    """The stand-in, listening on loopback, reached over HTTP."""
    async with _stand_in(tmp_path) as url:
        portal = HttpDebidentPortal(
            url, timeout_seconds=TIMEOUT_SECONDS, deb_file_bytes_max=1_000_000, clock=SystemClock()
        )
        yield SandboxHarness(portal, url)


@pytest.fixture
def sftp_door(tmp_path: Path) -> SftpDoor:
    """Where the stand-in's SFTP server listens, and its key."""
    address = json.loads((tmp_path / "sftp.json").read_text())
    return SftpDoor(address["host"], address["port"], address["host_key"], "password")


@pytest.fixture
def sftp_sandbox(sandbox: SandboxHarness, sftp_door: SftpDoor) -> SandboxHarness:
    """The same stand-in, reached over SFTP."""
    portal = SftpDebidentPortal(
        timeout_seconds=TIMEOUT_SECONDS, deb_file_bytes_max=1_000_000, connections_max=4
    )
    return SandboxHarness(ThroughTheDoor(portal, sftp_door), sandbox.base_url)


@pytest.fixture(params=["fake", "http", "sftp"])
def harness(request: pytest.FixtureRequest) -> PortalHarness:
    """Each portal in turn."""
    if request.param == "fake":
        return FakeHarness()
    name = "sandbox" if request.param == "http" else "sftp_sandbox"
    found: PortalHarness = request.getfixturevalue(name)
    return found
