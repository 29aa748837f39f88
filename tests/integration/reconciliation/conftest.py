"""A reconciliation service on real PostgreSQL: migrated as the owner, run as the runtime role."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from sandbox.blocking import run_blocking
from sandbox.postgres import ServiceUrls
from services.reconciliation.bootstrap import MIGRATIONS
from shared.db.engine import Database
from shared.db.migrations import migrate
from shared.testing import FrozenClock
from tests.integration.reconciliation.house import START, House
from tests.support.servers import ServiceDatabaseFactory
from tests.support.web import ApiClient, api_client


@pytest.fixture(scope="module")
def urls(module_service_database: ServiceDatabaseFactory) -> ServiceUrls:
    """A migrated database; the tests of a module share it, each with a practice of its own."""
    urls = module_service_database("reconciliation")
    run_blocking(migrate(urls.owner_url, MIGRATIONS))
    return urls


@pytest.fixture
async def database(urls: ServiceUrls) -> AsyncIterator[Database]:
    """The service's database as the runtime role."""
    database = Database(urls.url)
    yield database
    await database.close()


@pytest.fixture
def house(database: Database) -> House:
    """The assembled service, without its edges, and a practice of this test alone."""
    return House(database, FrozenClock(START))


@pytest.fixture
async def api(house: House) -> AsyncIterator[ApiClient]:
    """The service's API over a real socket, called by a billing office."""
    async with api_client(
        house.definition.endpoints, house.database, clock=house.clock, service="reconciliation"
    ) as client:
        yield client.as_user()
