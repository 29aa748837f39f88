"""`python -m sandbox.debident`: the portal's stand-in as a process of its own."""

from __future__ import annotations

import os
import sys

from aiohttp import web

from sandbox.debident.app import build_app
from sandbox.debident.settings import settings_from_environment


def main() -> int:
    """Serve until SIGTERM or SIGINT; return the exit code."""
    try:
        settings = settings_from_environment(os.environ)
    except ValueError as error:
        print(f"the portal cannot start: {error}", file=sys.stderr)
        return 2
    print(f"the portal's stand-in listens on http://{settings.host}:{settings.port}", flush=True)
    web.run_app(build_app(settings), host=settings.host, port=settings.port, print=None)
    return 0


if __name__ == "__main__":
    sys.exit(main())
