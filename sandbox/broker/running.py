"""Starts the chosen broker, and takes the embedded one where the first choice of `auto` fails."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from sandbox.broker import apache, docker, embedded
from sandbox.broker.choice import BrokerError, ChosenBroker, Kind
from sandbox.broker.readiness import wait_until_ready

_EXTERNAL_SECONDS = 5
_STOP_SECONDS = 20


@dataclass(slots=True)
class RunningBroker:
    """A broker that answers.

    Attributes:
        bootstrap: "host:port" for Kafka clients.
        chosen: what runs, and why; after a fall-back this differs from what was chosen first.
    """

    bootstrap: str
    chosen: ChosenBroker
    _stop: Callable[[], None]

    @property
    def kind(self) -> Kind:
        """What runs the broker."""
        return self.chosen.kind

    @property
    def why(self) -> str:
        """Why this one: a sentence for the person who started it."""
        return self.chosen.why

    @property
    def keeps_messages(self) -> bool:
        """Whether messages survive a restart in the same data directory."""
        return self.chosen.keeps_messages

    @property
    def supports_idempotence(self) -> bool:
        """Whether aiokafka's idempotent producer works with it."""
        return self.chosen.supports_idempotence

    @property
    def session_timeout_seconds(self) -> int:
        """The group session time-out to use with it."""
        return self.chosen.session_timeout_seconds

    def stop(self) -> None:
        """Shut it down, if it is ours; harmless if it was stopped already."""
        self._stop()


def start(chosen: ChosenBroker, data_dir: Path, *, cache_dir: Path | None = None) -> RunningBroker:
    """Start the chosen broker and return once a Kafka client gets an answer from it.

    Call it from the main thread: the broker ends with the thread that started it.

    Args:
        chosen: the answer of `choose`.
        data_dir: a folder of the broker's own for messages, settings and logs.
        cache_dir: where downloads are kept; by default QUITTANCE_CACHE, else "cache" in `data_dir`.

    Raises:
        BrokerError: it does not answer (for `auto`: the embedded one neither).
    """
    data_dir = data_dir.absolute()
    data_dir.mkdir(parents=True, exist_ok=True)
    cache = cache_dir or Path(os.environ.get("QUITTANCE_CACHE") or data_dir / "cache")
    try:
        return _start_one(chosen, data_dir, cache.absolute())
    except BrokerError as error:
        if not chosen.may_fall_back:
            raise
        reason = str(error).splitlines()[0]
        why = f"Tansu, in memory, because the first choice ({chosen.kind}) failed: {reason}"
        second = replace(chosen, kind="embedded", why=why, may_fall_back=False)
        return _start_one(second, data_dir, cache.absolute())


def _start_one(chosen: ChosenBroker, data_dir: Path, cache_dir: Path) -> RunningBroker:
    match chosen.kind:
        case "external":
            address = chosen.address or ""
            if not wait_until_ready(address, within_seconds=_EXTERNAL_SECONDS):
                raise BrokerError(f"no Kafka broker answers at {address}")
            return RunningBroker(address, chosen, lambda: None)
        case "docker":
            bootstrap, stop = docker.start()
            return RunningBroker(bootstrap, chosen, stop)
        case "apache":
            bootstrap, child = apache.start(data_dir, cache_dir)
        case "embedded":
            bootstrap, child = embedded.start(data_dir)

    def end() -> None:
        child.end(grace_seconds=_STOP_SECONDS)

    return RunningBroker(bootstrap, chosen, end)
