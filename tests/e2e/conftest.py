"""One house for all end-to-end tests: the one-machine run, with the procedure done once."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from rich.console import Console

from sandbox.demo.api import Api, fetch_token
from sandbox.demo.procedure import Procedure
from sandbox.demo.readback import Figures, read_figures
from sandbox.demo.stack import Stack, start_stack
from sandbox.demo.telling import Teller
from sandbox.processes import ProcessRunner


@dataclass(frozen=True, slots=True)
class House:
    """A running one-machine Quittance whose practices have been through the procedure.

    Attributes:
        api: calls on behalf of a billing office that serves all practices.
        told: what the demo told, as text.
        figures: as the services gave them when the procedure had completed.
    """

    stack: Stack
    api: Api
    procedure: Procedure
    told: Path
    figures: Figures


@pytest.fixture(scope="session")
def house(cache_dir: Path) -> Iterator[House]:
    """Start everything, run the procedure once, and stop everything at the end."""
    home = Path(tempfile.mkdtemp(prefix="quittance-e2e-"))
    told = home / "told.txt"
    os.environ.setdefault("QUITTANCE_CACHE", str(cache_dir))
    try:
        data = home / "data"
        data.mkdir()
        with told.open("w") as file, ProcessRunner(data) as runner:
            teller = Teller(Console(file=file, width=120))
            spec = os.environ.get("BROKER") or "auto"
            stack = start_stack(runner, broker_spec=spec, say=teller.line)
            token = fetch_token(stack.urls["issuer"], subject="office", role="billing_office")
            procedure = Procedure(stack, Api(stack.urls, token), teller)
            procedure.run()
            file.flush()
            api = Api(stack.urls, token)
            yield House(stack, api, procedure, told, read_figures(api))
    finally:
        shutil.rmtree(home, ignore_errors=True)
