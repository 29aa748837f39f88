"""The two portals that must keep the same promises."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from sandbox.debident.app import build_app
from sandbox.debident.settings import PortalSettings
from services.debident_gateway.adapters.debident_http import HttpDebidentPortal
from shared.kernel.clock import SystemClock
from tests.contracts.portal.harness import (
    ADMIN_SECRET,
    FakeHarness,
    PortalHarness,
    SandboxHarness,
)


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[SandboxHarness]:
    """The stand-in, listening on loopback."""
    settings = PortalSettings(
        state_dir=tmp_path, admin_secret=ADMIN_SECRET, deb_every_days=0, package_bytes_max=5_000_000
    )
    runner = web.AppRunner(build_app(settings))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    portal = HttpDebidentPortal(
        url, timeout_seconds=5, deb_file_bytes_max=1_000_000, clock=SystemClock()
    )
    yield SandboxHarness(portal, url)
    await runner.cleanup()


@pytest.fixture(params=["fake", "http"])
def harness(request: pytest.FixtureRequest) -> PortalHarness:
    """Each portal in turn."""
    if request.param == "fake":
        return FakeHarness()
    found: PortalHarness = request.getfixturevalue("sandbox")
    return found
