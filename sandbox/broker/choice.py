"""Decides which broker to run, and says why in one sentence for the person who started it."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from typing import Literal

Kind = Literal["docker", "apache", "embedded", "external"]

_JAVA_MIN = 17
_DOCKER_SECONDS = 3
_ADDRESS = re.compile(r"(?P<host>[^:\s,]+):(?P<port>\d{1,5})")


class BrokerError(Exception):
    """No broker of the wanted kind can be had here; the message says why."""


@dataclass(frozen=True, slots=True)
class ChosenBroker:
    """Which broker, and why.

    Attributes:
        kind: what runs it; "external" is a broker that somebody else runs.
        why: one sentence for a person.
        address: "host:port" of an external broker, else None.
        may_fall_back: whether `start` may take the embedded broker if this one fails ("auto").
    """

    kind: Kind
    why: str
    address: str | None = None
    may_fall_back: bool = False

    @property
    def keeps_messages(self) -> bool:
        """Whether messages survive a restart in the same data directory."""
        return self.kind in {"apache", "external"}

    @property
    def supports_idempotence(self) -> bool:
        """Whether aiokafka's idempotent producer works (Tansu refuses InitProducerId)."""
        return self.kind != "embedded"

    @property
    def session_timeout_seconds(self) -> int:
        """The group session time-out to use: Tansu's first join takes half of it."""
        return 6 if self.kind == "embedded" else 10


def choose(spec: str) -> ChosenBroker:
    """Choose a broker.

    Args:
        spec: "auto", "embedded", "apache", "docker", or the "host:port" of a running broker.

    Raises:
        BrokerError: the text is none of these, or what it names is not on this machine.
    """
    match spec:
        case "auto":
            return _first_that_is_there()
        case "embedded":
            return ChosenBroker("embedded", "Tansu, in memory, as asked for (BROKER=embedded).")
        case "apache":
            if missing := _missing_for_apache():
                raise BrokerError(f"BROKER=apache needs Java {_JAVA_MIN}+ and Maven: {missing}")
            return ChosenBroker("apache", "Apache Kafka, as asked for (BROKER=apache).")
        case "docker":
            if not docker_answers():
                raise BrokerError("BROKER=docker: no Docker engine answers on this machine")
            return ChosenBroker("docker", "Kafka in a container, as asked for (BROKER=docker).")
        case _:
            return _external(spec)


def docker_answers() -> bool:
    """Whether a Docker engine answers within three seconds."""
    if shutil.which("docker") is None:
        return False
    try:
        asked = subprocess.run(
            ["docker", "info", "--format", "{{.ServerVersion}}"],
            capture_output=True,
            text=True,
            timeout=_DOCKER_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return asked.returncode == 0 and bool(asked.stdout.strip())


def _first_that_is_there() -> ChosenBroker:
    if docker_answers():
        return ChosenBroker(
            "docker", "Kafka in a container, because a Docker engine answers.", may_fall_back=True
        )
    missing = _missing_for_apache()
    if not missing:
        return ChosenBroker(
            "apache",
            "Apache Kafka through Maven: no Docker engine answers, but Java and Maven are here.",
            may_fall_back=True,
        )
    return ChosenBroker("embedded", f"Tansu, in memory: no Docker engine answers, and {missing}.")


def _missing_for_apache() -> str | None:
    """Return what Apache Kafka lacks on this machine, in words, or None."""
    if shutil.which("mvn") is None:
        return "mvn is not installed"
    version = _java_version()
    if version is None:
        return "java is not installed"
    return None if version >= _JAVA_MIN else f"java is version {version}, older than {_JAVA_MIN}"


def _java_version() -> int | None:
    try:
        asked = subprocess.run(
            ["java", "-version"], capture_output=True, text=True, timeout=20, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r'version "(\d+)', asked.stderr + asked.stdout)
    return int(found[1]) if found else None


def _external(spec: str) -> ChosenBroker:
    found = _ADDRESS.fullmatch(spec)
    if found is None or int(found["port"]) > 65535:
        raise BrokerError(
            f"BROKER={spec}: say auto, embedded, apache, docker, or the host:port of a broker"
        )
    return ChosenBroker("external", f"the broker at {spec}, as asked for.", address=spec)
