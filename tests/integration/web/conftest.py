"""A notebook on a real database, served over a real socket."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest

from sandbox.blocking import run_blocking
from sandbox.postgres import ServiceUrls
from shared.db.engine import Database
from tests.integration.web import notebook
from tests.support.servers import ServiceDatabaseFactory
from tests.support.web import ApiClient, api_client


@pytest.fixture(scope="module")
def urls(module_service_database: ServiceDatabaseFactory) -> ServiceUrls:
    """A database with the notebook's tables, for the module."""
    urls = module_service_database("orders")
    run_blocking(notebook.create_tables(urls.owner_url))
    return urls


@pytest.fixture
async def database(urls: ServiceUrls) -> AsyncIterator[Database]:
    """The notebook's database as its runtime role."""
    database = Database(urls.url)
    yield database
    await database.close()


@pytest.fixture
async def owner(urls: ServiceUrls) -> AsyncIterator[Database]:
    """The notebook's database as its owner."""
    database = Database(urls.owner_url)
    yield database
    await database.close()


@pytest.fixture
def practice() -> UUID:
    """A practice of this test's own."""
    return uuid4()


@pytest.fixture
async def api(database: Database) -> AsyncIterator[ApiClient]:
    """The notebook's API, without a token."""
    async with api_client(notebook.endpoints(), database) as client:
        yield client
