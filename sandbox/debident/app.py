"""Puts the portal behind HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

from aiohttp import web

from sandbox.debident import admin, api
from sandbox.debident.clock import RealTime, real_time
from sandbox.debident.desk import DESK, Desk
from sandbox.debident.portal import Portal
from sandbox.debident.settings import PortalSettings
from sandbox.debident.sftp_server import SftpAddress, sftp_server
from sandbox.debident.site import routes as site
from sandbox.debident.site.sessions import Sessions

SFTP_ADDRESS = web.AppKey("sftp_address", SftpAddress)


def build_app(settings: PortalSettings, *, real: RealTime = real_time) -> web.Application:
    """Return the application; it opens its state when it starts and closes it when it ends."""
    app = web.Application(
        middlewares=[admin.guard_admin, api.guard, site.guard_site],
        client_max_size=settings.package_bytes_max + 1_000_000,
    )
    app[api.SETTINGS] = settings
    app[admin.ADMIN_SECRET] = settings.admin_secret
    app[site.SESSIONS] = Sessions(real)

    async def open_portal(running: web.Application) -> AsyncIterator[None]:
        portal = Portal(settings, real=real)
        running[DESK] = desk = Desk(portal)
        async with AsyncExitStack() as doors:
            if settings.sftp_port is not None:
                door = sftp_server(settings, desk, settings.sftp_port)
                running[SFTP_ADDRESS] = await doors.enter_async_context(door)
            yield
        portal.close()

    async def begin_to_close(running: web.Application) -> None:
        running[api.CLOSING].set()

    app[api.CLOSING] = asyncio.Event()
    app.cleanup_ctx.append(open_portal)
    app.on_shutdown.append(begin_to_close)
    app.add_routes([web.get("/health/ready", _ready)])
    app.add_routes(api.ROUTES)
    app.add_routes(admin.ROUTES)
    app.add_routes(site.ROUTES)
    return app


async def _ready(request: web.Request) -> web.Response:
    now = request.app[DESK].portal.now()
    return web.json_response({"status": "ready", "simulated_now": now.isoformat()})
