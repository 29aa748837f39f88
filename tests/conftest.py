"""Real servers for the tests that ask for them, started once per session.

What runs is whatever the machine offers (see `sandbox.broker.choose`); the report's header says
which. A unit test asks for none of these, and could not reach them (tests/unit/conftest.py).
"""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sandbox.broker import RunningBroker, choose, start
from tests.support.servers import (
    DatabaseServer,
    ServiceDatabaseFactory,
    database_server,
    databases,
)

_REPOSITORY = Path(__file__).resolve().parent.parent
_BROKER_TEST_SECONDS = 420


def pytest_report_header() -> str:
    """Say how the broker is chosen, since what the tests prove depends on it."""
    return f"broker: BROKER={_broker_spec()}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark by folder, so that no test is forgotten: integration and e2e.

    The first test that needs a broker may wait for its download, so such tests get more time.
    """
    for item in items:
        fixtures = getattr(item, "fixturenames", ())
        if "cache_dir" in fixtures and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(_BROKER_TEST_SECONDS))
        for name in ("integration", "e2e"):
            if item.path.is_relative_to(_REPOSITORY / "tests" / name):
                item.add_marker(name)


@pytest.fixture(scope="session")
def cache_dir() -> Path:
    """Where downloads are kept from run to run: QUITTANCE_CACHE, else a folder git ignores."""
    return Path(os.environ.get("QUITTANCE_CACHE") or _REPOSITORY / ".data" / "cache")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[DatabaseServer]:
    """A PostgreSQL server for the whole session."""
    with database_server() as server:
        yield server


@pytest.fixture
def service_database(postgres_server: DatabaseServer) -> Iterator[ServiceDatabaseFactory]:
    """`service_database("orders")` makes a fresh, empty database for this test; dropped after."""
    with databases(postgres_server) as make:
        yield make


@pytest.fixture(scope="module")
def module_service_database(postgres_server: DatabaseServer) -> Iterator[ServiceDatabaseFactory]:
    """Like `service_database`, for databases that live as long as the test module."""
    with databases(postgres_server) as make:
        yield make


@pytest.fixture(scope="session")
def broker(cache_dir: Path) -> Iterator[RunningBroker]:
    """A broker for the whole session, chosen by BROKER (default: auto)."""
    data_dir = Path(tempfile.mkdtemp(prefix="quittance-broker-"))
    try:
        running = start(choose(_broker_spec()), data_dir, cache_dir=cache_dir)
        try:
            yield running
        finally:
            running.stop()
    finally:
        shutil.rmtree(data_dir, ignore_errors=True)


@pytest.fixture
def fresh_topic() -> Callable[[str], str]:
    """`fresh_topic("order-events")` returns a topic name that no other test uses."""
    return _fresh_name


@pytest.fixture
def fresh_group() -> Callable[[str], str]:
    """`fresh_group("orders")` returns a consumer group name that no other test uses."""
    return _fresh_name


def _fresh_name(stem: str = "test") -> str:
    return f"{stem}-{secrets.token_hex(4)}"


def _broker_spec() -> str:
    return os.environ.get("BROKER") or "auto"
