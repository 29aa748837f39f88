"""A database with the messaging tables, and settings for the session's broker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from sandbox.broker import RunningBroker
from sandbox.postgres import ServiceUrls
from shared.contracts import topics
from shared.db import Database
from shared.messaging.schema import MESSAGING_TABLES_V1
from shared.runtime.settings import ServiceSettings
from tests.integration.messaging.helpers import make_topic, settings_for
from tests.support.servers import ServiceDatabaseFactory


async def create_tables(urls: ServiceUrls) -> None:
    """Create the messaging tables, and one for what the handlers of these tests do."""
    engine = create_async_engine(urls.owner_url)
    async with engine.begin() as connection:
        for statement in MESSAGING_TABLES_V1:
            await connection.execute(text(statement))
        await connection.execute(
            text(
                "CREATE TABLE effect (id bigint GENERATED ALWAYS AS IDENTITY, subject uuid,"
                " sequence bigint, practice_id uuid, note text,"
                " CONSTRAINT effect_once UNIQUE (subject, sequence) DEFERRABLE INITIALLY DEFERRED)"
            )
        )
    await engine.dispose()


@pytest.fixture
def urls(service_database: ServiceDatabaseFactory) -> ServiceUrls:
    """URLs of a fresh database of the service `orders`."""
    return service_database("orders")


@pytest_asyncio.fixture
async def database(urls: ServiceUrls) -> AsyncIterator[Database]:
    """A fresh database with the messaging tables, as the runtime role."""
    await create_tables(urls)
    database = Database(urls.url, pool_size=8)
    yield database
    await database.close()


@pytest.fixture(scope="session")
def settings(broker: RunningBroker) -> ServiceSettings:
    """Settings that fit the session's broker, which has the topic that every service tells on."""
    fitting = settings_for(
        broker.bootstrap,
        kafka_idempotence=broker.supports_idempotence,
        kafka_session_timeout_seconds=broker.session_timeout_seconds,
    )
    told = topics.DEAD_LETTER_EVENTS
    # A broker may make a topic that it is asked about by itself, with other partitions.
    asyncio.run(make_topic(fitting, told.name, partitions=told.partitions))
    return fitting
