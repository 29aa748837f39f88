"""Starts everything that the demo needs on this machine, and says how to reach it."""

from __future__ import annotations

import base64
import os
import secrets
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sandbox.broker import BrokerError, RunningBroker, choose, start
from sandbox.broker.contents import topics_with_records
from sandbox.ports import LOOPBACK, free_port, is_free
from sandbox.postgres import PostgresServer, ServiceUrls, provision
from sandbox.processes import ProcessRunner
from shared.contracts.topics import TOPICS_BY_NAME

SERVICE_PORTS = {
    "invoicing": 8081,
    "orders": 8082,
    "debident_gateway": 8083,
    "reconciliation": 8084,
}
PORTAL_PORT, ISSUER_PORT = 8090, 8091
PORTAL_SPEED = 7200.0
"""Simulated seconds per real second at the portal: half a day passes in six seconds."""
TRIAL_DAY_SECONDS = 86_400 / PORTAL_SPEED
"""How long a working day of the orders service lasts: as long as a day at the portal."""
PORTAL_SEED = "demo-746"
"""Under this seed some invoices are paid at once, some reminded, some paid by instalments."""
_OWN_MARK = ".quittance-demo"
_READY_SECONDS = 60.0
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Stack:
    """Addresses and secrets of a running one-machine Quittance.

    Attributes:
        urls: base URL by service name, and of "portal" and "issuer".
        settings: environment of each service's process, by service name.
    """

    runner: ProcessRunner
    broker: RunningBroker
    urls: Mapping[str, str]
    settings: Mapping[str, Mapping[str, str]] = field(repr=False)
    portal_admin_secret: str = field(repr=False)

    def start_service(self, name: str, *, module: str | None = None) -> None:
        """Start a service's process (`module`: another programme in its place); do not wait."""
        environment = {**os.environ, **self.settings[name]}
        self.runner.start_module(name, module or f"services.{name}", env=environment)

    def wait_until_ready(self, *names: str) -> None:
        """Wait until the named processes are ready.

        Raises:
            ProcessError: one ended or was not ready in time.
        """
        for name in names:
            url = f"{self.urls[name]}/health/ready"
            self.runner.wait_until_ready(name, url, within_seconds=_READY_SECONDS)


class NotOurFolderError(Exception):
    """The data folder holds files that no demo has made."""


def start_stack(runner: ProcessRunner, *, broker_spec: str, say: Say) -> Stack:
    """Start PostgreSQL, a broker, the token issuer, the portal and the four services.

    Each run starts with empty books: what an earlier run left in this data folder is removed
    first (not the downloaded broker). Everything is stopped when the runner's block is left.

    Raises:
        NotOurFolderError: the folder is not empty and not a demo's.
        BrokerError, PostgresError, ProcessError: something did not start; the message says what.
    """
    state = fresh_state(runner.data_dir)
    say("PostgreSQL")
    postgres = PostgresServer(state / "postgres")
    runner.also_stop("postgres", postgres.stop)
    postgres.start()
    databases = provision(postgres)
    chosen = choose(broker_spec)
    say(f"broker: {chosen.kind} ({chosen.why})")
    broker = _start_broker(runner, state, broker_spec)
    urls = {
        name: _url(port)
        for name, port in {**SERVICE_PORTS, "portal": PORTAL_PORT, "issuer": ISSUER_PORT}.items()
    }
    settings = _settings(state, urls, databases, broker)
    stack = Stack(runner, broker, urls, settings, secrets.token_urlsafe(24))
    say("token issuer and portal stand-in")
    _start_stand_ins(stack, state)
    say("four services")
    for name in SERVICE_PORTS:
        stack.start_service(name)
    stack.wait_until_ready(*SERVICE_PORTS)
    return stack


def fresh_state(data_dir: Path) -> Path:
    """Return the folder `state` of the data folder, empty.

    Raises:
        NotOurFolderError: the data folder is not empty and not a demo's.
    """
    mark, state = data_dir / _OWN_MARK, data_dir / "state"
    others = {entry.name for entry in data_dir.iterdir()} - {"run.lock", "cache", "logs"}
    if others and not mark.exists():
        raise NotOurFolderError(f"{data_dir} holds other files; say DATA=another/folder")
    mark.touch()
    shutil.rmtree(state, ignore_errors=True)
    shutil.rmtree(data_dir / "logs", ignore_errors=True)
    state.mkdir()
    return state


def _start_broker(runner: ProcessRunner, state: Path, spec: str) -> RunningBroker:
    started: list[RunningBroker] = []

    def stop() -> None:
        for broker in started:
            broker.stop()

    runner.also_stop("broker", stop)
    cache = Path(os.environ.get("QUITTANCE_CACHE") or runner.data_dir / "cache")
    broker = start(choose(spec), state / "broker", cache_dir=cache)
    started.append(broker)
    # The books begin empty; old events would come back into them as if they were missing.
    used = topics_with_records(broker.bootstrap, TOPICS_BY_NAME)
    if used:
        raise BrokerError(
            f"the broker at {broker.bootstrap} already holds events ({', '.join(used)}), and the"
            " demo begins with empty books: delete these topics or take another broker"
        )
    return broker


def _url(preferred: int) -> str:
    port = preferred if is_free(preferred) else free_port()
    return f"http://{LOOPBACK}:{port}"


def _port(url: str) -> str:
    return url.rpartition(":")[2]


def _start_stand_ins(stack: Stack, state: Path) -> None:
    urls = stack.urls
    stack.runner.start_module(
        "issuer",
        "sandbox.issuer",
        env={
            **os.environ,
            "ISSUER_HOST": LOOPBACK,
            "ISSUER_PORT": _port(urls["issuer"]),
            "ISSUER_KEYS_DIR": str(state / "issuer"),
            "ISSUER_URL": urls["issuer"],
        },
    )
    stack.runner.start_module(
        "portal",
        "sandbox.debident",
        env={
            **os.environ,
            "DEBIDENT_HOST": LOOPBACK,
            "DEBIDENT_PORT": _port(urls["portal"]),
            "DEBIDENT_STATE_DIR": str(state / "portal"),
            "DEBIDENT_SPEED": str(PORTAL_SPEED),
            "DEBIDENT_SEED": PORTAL_SEED,
            "DEBIDENT_DEB_EVERY_DAYS": "0",
            "DEBIDENT_ADMIN_SECRET": stack.portal_admin_secret,
        },
    )
    stack.wait_until_ready("issuer", "portal")


def _settings(
    state: Path,
    urls: Mapping[str, str],
    databases: Mapping[str, ServiceUrls],
    broker: RunningBroker,
) -> dict[str, dict[str, str]]:
    """Return each service's environment."""
    common = {
        "KAFKA_BOOTSTRAP": broker.bootstrap,
        "KAFKA_IDEMPOTENCE": str(broker.supports_idempotence).lower(),
        "KAFKA_SESSION_TIMEOUT_SECONDS": str(broker.session_timeout_seconds),
        "HTTP_HOST": LOOPBACK,
        "OBJECT_STORE_URL": (state / "objects").as_uri(),
        "OBJECT_STORE_KEY": _new_key(),
        "JWKS_URL": f"{urls['issuer']}/.well-known/jwks.json",
        "TOKEN_ISSUER": urls["issuer"],
    }
    own = {
        # Nothing of the demo is a real invoice, and its documents say so.
        "invoicing": {"DOCUMENT_MODUS": "test"},
        "debident_gateway": {
            "PORTAL_URL": urls["portal"],
            "CREDENTIALS_KEY": _new_key(),
            "TICK_INTERVAL_SECONDS": "0.2",
        },
        "orders": {
            "TRIAL_DAY_SECONDS": str(TRIAL_DAY_SECONDS),
            "TICK_INTERVAL_SECONDS": "0.5",
        },
        # A file that names an unknown invoice waits a little, in case the invoice is under way.
        "reconciliation": {
            "DEB_TICK_SECONDS": "0.2",
            "DEB_EARLY_GRACE_SECONDS": "5",
            "DEB_DATED_AHEAD_DAYS": "3650",  # the portal's days are short
        },
    }
    return {
        name: {
            f"{name.upper()}_{key}": value
            for key, value in {
                **common,
                "DATABASE_URL": databases[name].url,
                "DATABASE_OWNER_URL": databases[name].owner_url,
                "HTTP_PORT": _port(urls[name]),
                **own.get(name, {}),
            }.items()
        }
        for name in SERVICE_PORTS
    }


def _new_key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()
