"""`make demo`: start everything, run the procedure, stay up until Ctrl-C (or stop, with ONCE=1)."""

from __future__ import annotations

import json
import os
import sys
import time
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from urllib.error import URLError

from rich.console import Console

from sandbox.broker import BrokerError
from sandbox.demo.api import Api, ApiError, WaitedTooLongError, fetch_token
from sandbox.demo.office import ProcedureError
from sandbox.demo.procedure import Procedure
from sandbox.demo.readback import Figures, read_figures
from sandbox.demo.stack import NotOurFolderError, Stack, start_stack
from sandbox.demo.telling import Teller
from sandbox.demo.world import PRACTICES
from sandbox.locks import DataDirInUseError
from sandbox.postgres import PostgresError
from sandbox.processes import ProcessError, ProcessRunner

_DATA = Path(".data/demo")
_CHECK_SECONDS = 0.5
_WIDTH = 100
_STEP_ERRORS = (ApiError, ProcedureError, ProcessError, WaitedTooLongError, URLError, OSError)
_START_ERRORS = (
    BrokerError,
    DataDirInUseError,
    NotOurFolderError,
    PostgresError,
    ProcessError,
    URLError,
)


def main() -> int:
    """Run the demo; return 0 if the procedure completed."""
    once = os.environ.get("ONCE", "") not in {"", "0"}
    console = Console(highlight=False, width=None if sys.stdout.isatty() else _WIDTH)
    teller = Teller(console)
    began = time.monotonic()
    try:
        with ProcessRunner(Path(os.environ.get("DATA") or _DATA)) as runner:
            return _run(runner, teller, once=once, began=began)
    except _START_ERRORS as error:
        teller.trouble(f"the demo cannot start: {error}")
        return 1
    except KeyboardInterrupt:
        teller.line("stopped")
        return 130


def _run(runner: ProcessRunner, teller: Teller, *, once: bool, began: float) -> int:
    teller.step("Starting")
    with teller.waiting("starting (the very first Apache Kafka also downloads itself)"):
        stack = start_stack(runner, broker_spec=os.environ.get("BROKER") or "auto", say=teller.line)
    api = Api(
        stack.urls, fetch_token(stack.urls["issuer"], subject="demo-office", role="billing_office")
    )
    procedure = Procedure(stack, api, teller)
    figures: Figures | None
    try:
        procedure.run()
        figures = read_figures(api)
    except _STEP_ERRORS as error:
        teller.trouble(f"step “{procedure.step}” failed: {error}")
        figures = _figures_if_there(api)
    if not once:
        _stay_up(runner, stack, teller)
    complete = procedure.step == "complete" and figures is not None and figures.journal_balanced
    summary = {
        "broker": stack.broker.kind,
        **(asdict(figures) if figures is not None else {}),
        "procedure": procedure.step,
        "seconds": round(time.monotonic() - began, 1),
    }
    runner.stop_all()
    print(json.dumps(summary), flush=True)
    return 0 if complete else 1


def _figures_if_there(api: Api) -> Figures | None:
    try:
        return read_figures(api)
    except _STEP_ERRORS:
        return None  # The services are gone; the step that failed is what there is to tell.


def _stay_up(runner: ProcessRunner, stack: Stack, teller: Teller) -> None:
    """Print the addresses and wait; Ctrl-C is how this ends well."""
    with suppress(KeyboardInterrupt):
        _tell_addresses(runner, stack, teller)
        while True:
            runner.check()
            time.sleep(_CHECK_SECONDS)


def _tell_addresses(runner: ProcessRunner, stack: Stack, teller: Teller) -> None:
    teller.step("Everything stays up until Ctrl-C")
    for name, url in stack.urls.items():
        page = {"portal": "/", "issuer": "/.well-known/openid-configuration"}
        teller.line(f"{name:17} {url}{page.get(name, '/openapi.json')}")
    teller.line(
        "a token for one hour: curl -s -d 'subject=me&roles=billing_office&practices=*'"
        f" {stack.urls['issuer']}/token"
    )
    doors = (" / ".join(practice.portal_access.values()) for practice in PRACTICES)
    teller.line(f"client and password at the portal's site: {', or '.join(doors)}")
    teller.line(f"broker            {stack.broker.bootstrap}")
    teller.line(f"logs              {runner.data_dir / 'logs'}")


if __name__ == "__main__":
    raise SystemExit(main())
