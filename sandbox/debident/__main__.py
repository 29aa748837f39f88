"""`python -m sandbox.debident`: the portal's stand-in as a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys

from aiohttp import web

from sandbox.debident.app import SFTP_ADDRESS, build_app
from sandbox.debident.desk import DESK
from sandbox.debident.door import DOOR, Door
from sandbox.debident.settings import PortalSettings, settings_from_environment


def main() -> int:
    """Serve until SIGTERM or SIGINT; return the exit code."""
    try:
        settings = settings_from_environment(os.environ)
    except ValueError as error:
        print(f"the portal cannot start: {error}", file=sys.stderr)
        return 2
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(settings))
    return 0


async def _serve(settings: PortalSettings) -> None:
    app = build_app(settings)
    runner = web.AppRunner(app)
    door = Door(runner, host=settings.host, port=settings.port)
    app[DOOR] = door
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    await runner.setup()
    try:
        await door.open()
        print(f"the portal's stand-in listens on http://{settings.host}:{settings.port}")
        if (address := app.get(SFTP_ADDRESS)) is not None:
            print(f"and on sftp://{address.host}:{address.port}, {address.host_key}")
        print(_plan_in_words(settings, app), flush=True)
        await stop.wait()
    finally:
        await door.abandon()
        await runner.cleanup()


def _plan_in_words(settings: PortalSettings, app: web.Application) -> str:
    if settings.plan is None:
        return "it behaves well until it is told otherwise"
    coming = "; ".join(
        f"{event}: {', '.join(names) or 'nothing'}"
        for event, names in app[DESK].portal.planned().items()
    )
    return f"it misbehaves by the plan {settings.plan.to_text()}; of the next events: {coming}"


if __name__ == "__main__":
    sys.exit(main())
