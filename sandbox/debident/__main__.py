"""`python -m sandbox.debident`: the portal's stand-in as a process of its own."""

from __future__ import annotations

import os
import sys

from aiohttp import web

from sandbox.debident.app import SFTP_ADDRESS, build_app
from sandbox.debident.settings import settings_from_environment


def main() -> int:
    """Serve until SIGTERM or SIGINT; return the exit code."""
    try:
        settings = settings_from_environment(os.environ)
    except ValueError as error:
        print(f"the portal cannot start: {error}", file=sys.stderr)
        return 2
    print(f"the portal's stand-in listens on http://{settings.host}:{settings.port}", flush=True)
    app = build_app(settings)
    app.on_startup.append(_tell_sftp_address)
    web.run_app(app, host=settings.host, port=settings.port, print=None)
    return 0


async def _tell_sftp_address(app: web.Application) -> None:
    if (address := app.get(SFTP_ADDRESS)) is not None:
        print(f"and on sftp://{address.host}:{address.port}, {address.host_key}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
