"""A gateway on real PostgreSQL: migrated as the owner, run as the runtime role."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from sandbox.postgres import ServiceUrls
from services.debident_gateway.adapters.debident_fake import FakeDebidentPortal
from services.debident_gateway.bootstrap import MIGRATIONS
from shared.db.engine import Database
from shared.db.migrations import migrate
from shared.objectstore import open_object_store
from shared.testing import FrozenClock
from tests.integration.debident_gateway.office import Office
from tests.support.servers import ServiceDatabaseFactory


@pytest.fixture
async def urls(service_database: ServiceDatabaseFactory) -> ServiceUrls:
    """A migrated database of this test alone: timers look at the rows of all practices."""
    urls = service_database("debident_gateway")
    await migrate(urls.owner_url, MIGRATIONS)
    return urls


@pytest.fixture
async def database(urls: ServiceUrls) -> AsyncIterator[Database]:
    """The service's database as the runtime role."""
    database = Database(urls.url)
    yield database
    await database.close()


@pytest.fixture
async def second_database(urls: ServiceUrls) -> AsyncIterator[Database]:
    """The same database for a second process."""
    database = Database(urls.url)
    yield database
    await database.close()


@pytest.fixture
def portal() -> FakeDebidentPortal:
    """A portal in memory that knows the office's account."""
    return FakeDebidentPortal(clients={"client-of-CMD-4711": ("s3cret", "CMD-4711")})


@pytest.fixture
def clock() -> FrozenClock:
    """A clock that stands still."""
    return FrozenClock()


@pytest.fixture
def office(database: Database, clock: FrozenClock, portal: FakeDebidentPortal) -> Office:
    """The gateway, assembled."""
    return Office(database, clock, open_object_store("memory:", key=bytes(32)), portal)
