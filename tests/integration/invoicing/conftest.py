"""Invoicing on a real database, served over a real socket."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from sandbox.blocking import run_blocking
from sandbox.postgres import ServiceUrls
from services.invoicing.bootstrap import MIGRATIONS
from shared.db import Database
from shared.db.migrations import migrate
from shared.objectstore.store import ObjectStore, open_object_store
from shared.runtime.definition import ServiceDefinition
from shared.testing import FrozenClock
from tests.contracts.consumers import STORE_KEY, assembled
from tests.integration.invoicing.office import NOW, Office, Voices, open_office
from tests.support.servers import ServiceDatabaseFactory
from tests.support.web import ApiClient, api_client


@pytest.fixture(scope="module")
def urls(module_service_database: ServiceDatabaseFactory) -> ServiceUrls:
    """Invoicing's migrated database, for the module."""
    urls = module_service_database("invoicing")
    run_blocking(migrate(urls.owner_url, MIGRATIONS))
    return urls


@pytest.fixture
async def database(urls: ServiceUrls) -> AsyncIterator[Database]:
    """The database as the service's runtime role."""
    database = Database(urls.url, pool_size=20)
    yield database
    await database.close()


@pytest.fixture
def clock() -> FrozenClock:
    """A clock that stands on a March morning."""
    return FrozenClock(NOW)


@pytest.fixture
def store() -> ObjectStore:
    """An object store in memory."""
    return open_object_store("memory:", key=STORE_KEY)


@pytest.fixture
def definition(database: Database, store: ObjectStore, clock: FrozenClock) -> ServiceDefinition:
    """The service as its bootstrap builds it."""
    return assembled("invoicing", database=database, object_store=store, clock=clock)


@pytest.fixture
async def api(
    definition: ServiceDefinition, database: Database, clock: FrozenClock
) -> AsyncIterator[ApiClient]:
    """Invoicing's API, without a token."""
    async with api_client(definition.endpoints, database, clock=clock) as client:
        yield client


@pytest.fixture
async def office(api: ApiClient, database: Database) -> Office:
    """A furnished office of a fresh practice."""
    return await open_office(api, database)


@pytest.fixture
def voices(definition: ServiceDefinition, database: Database, store: ObjectStore) -> Voices:
    """The other services."""
    return Voices(database, store, list(definition.subscriptions))
