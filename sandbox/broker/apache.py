"""Apache Kafka 4 in KRaft mode, one node, its jars brought by Maven into a cache.

The real broker without Docker: messages survive a restart in the same data directory. The jars are
fetched once per cache (about 45 MB); a marker file says that the set is whole.
"""

from __future__ import annotations

import base64
import fcntl
import os
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sandbox.broker.choice import BrokerError
from sandbox.broker.readiness import wait_until_ready
from sandbox.ports import LOOPBACK, free_port, stable_port
from sandbox.spawn import Child, spawn

KAFKA_VERSION = "4.2.0"
_LOG4J_VERSION = "2.25.3"
_FETCH_SECONDS = 300
_FORMAT_SECONDS = 60
_START_SECONDS = 90
_HERE = Path(__file__).parent
_JAVA = ("java", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")


def start(data_dir: Path, cache_dir: Path) -> tuple[str, Child]:
    """Start Kafka on loopback; return its address and process once a client gets an answer.

    Args:
        data_dir: where messages, settings and logs are kept.
        cache_dir: where the jars are kept; may be shared by many runs.

    Raises:
        BrokerError: the jars cannot be had, or the server does not start.
    """
    jars = fetch_jars(cache_dir)
    bootstrap = f"{LOOPBACK}:{stable_port(data_dir / 'apache-port')}"
    settings = _write_settings(data_dir, bootstrap)
    _format_once(data_dir, jars, settings)
    child = spawn(
        "broker",
        [*_java(data_dir, jars), "kafka.Kafka", settings],
        log=data_dir / "broker.log",
        cwd=data_dir,
    )
    if wait_until_ready(
        bootstrap,
        within_seconds=_START_SECONDS,
        still_running=lambda: child.exit_status() is None,
    ):
        return bootstrap, child
    child.end(grace_seconds=5)
    raise BrokerError(f"Apache Kafka did not start:\n{child.log_tail()}")


def fetch_jars(cache_dir: Path) -> Path:
    """Return the folder with Kafka's jars, fetching them if the cache lacks a whole set.

    Raises:
        BrokerError: Maven could not bring them.
    """
    folder = cache_dir / f"kafka-{KAFKA_VERSION}"
    if _is_whole(folder):
        return folder
    cache_dir.mkdir(parents=True, exist_ok=True)
    with _one_at_a_time(cache_dir / "kafka.lock"):
        if not _is_whole(folder):
            shutil.rmtree(folder, ignore_errors=True)
            _run_maven(folder)
            names = sorted(jar.name for jar in folder.glob("*.jar"))
            (folder / "complete.txt").write_text("\n".join(names) + "\n")
    return folder


def _is_whole(folder: Path) -> bool:
    try:
        names = (folder / "complete.txt").read_text().split()
    except FileNotFoundError:
        return False
    return bool(names) and all((folder / name).is_file() for name in names)


def _run_maven(folder: Path) -> None:
    folder.mkdir(parents=True)
    pom = folder / "pom.xml"
    pom.write_text(
        _filled("pom.template.xml", KAFKA_VERSION=KAFKA_VERSION, LOG4J_VERSION=_LOG4J_VERSION)
    )
    command = ["mvn", "-q", "-B", "-f", str(pom), "dependency:copy-dependencies"]
    options = ["-DincludeScope=runtime", f"-DoutputDirectory={folder}"]
    try:
        done = subprocess.run(
            [*command, *options],
            capture_output=True,
            text=True,
            timeout=_FETCH_SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BrokerError(f"Maven did not bring Apache Kafka: {error}") from error
    if done.returncode != 0:
        words = (done.stdout + done.stderr).strip().splitlines()
        raise BrokerError("Maven did not bring Apache Kafka: " + " ".join(words[:3])[:400])


def _write_settings(data_dir: Path, bootstrap: str) -> Path:
    settings = data_dir / "server.properties"
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text(
        _filled(
            "server.template.properties",
            PORT=bootstrap.rpartition(":")[2],
            CONTROLLER_PORT=str(free_port()),
            LOG_DIR=str(data_dir / "messages"),
        )
    )
    return settings


def _format_once(data_dir: Path, jars: Path, settings: Path) -> None:
    """Give the log directory its cluster id; the marker is written only after that succeeded."""
    marker = data_dir / "formatted"
    if marker.exists():
        return
    cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    child = spawn(
        "broker-format",
        [
            *_java(data_dir, jars),
            "kafka.tools.StorageTool",
            "format",
            f"--cluster-id={cluster}",
            f"--config={settings}",
            "--ignore-formatted",
        ],
        log=data_dir / "format.log",
        cwd=data_dir,
    )
    finished = child.wait(within_seconds=_FORMAT_SECONDS)
    if child.end(grace_seconds=1) != 0 or not finished:
        raise BrokerError(f"Kafka's storage could not be formatted:\n{child.log_tail()}")
    marker.write_text(f"{cluster}\n")


def _java(data_dir: Path, jars: Path) -> list[str]:
    return [
        *_JAVA,
        f"-Dlog4j2.configurationFile={_HERE / 'log4j2.properties'}",
        f"-Dquittance.log={data_dir / 'kafka.log'}",
        "-cp",
        f"{jars}{os.sep}*",
    ]


def _filled(template: str, **values: str) -> str:
    text = (_HERE / template).read_text()
    for name, value in values.items():
        text = text.replace(f"@{name}@", value)
    return text


@contextmanager
def _one_at_a_time(path: Path) -> Iterator[None]:
    """Two runs that share a cache must not fetch into the same folder at once."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
