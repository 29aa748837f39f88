"""A service that starts waits for what passes, ends at what stays, and can always be stopped."""

from __future__ import annotations

import asyncio
import base64
import logging
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from sandbox.ports import LOOPBACK, free_port
from sandbox.postgres import ServiceUrls
from shared.db import Database
from shared.kernel.clock import SystemClock
from shared.kernel.errors import PermanentError
from shared.runtime.definition import ServiceDefinition
from shared.runtime.service import run_service
from shared.runtime.settings import ServiceSettings
from tests.support.servers import ServiceDatabaseFactory
from tests.support.silent import silent_server
from tests.support.waiting import eventually

_ENV = "from shared.db.migrations import run_env\n\nrun_env()\n"
_REVISION = """
from alembic import op

revision = "0001"
down_revision = None

def upgrade():
    op.execute("SET LOCAL lock_timeout = '100ms'")
    for statement in {statements!r}:
        op.execute(statement)
"""
_WAITS = "the database cannot be migrated yet"


@pytest.fixture
def urls(service_database: ServiceDatabaseFactory) -> ServiceUrls:
    return service_database("orders")


@pytest.fixture
def location(tmp_path: Path) -> Path:
    """A folder of migrations; `_revision` writes one into it."""
    (tmp_path / "versions").mkdir()
    (tmp_path / "env.py").write_text(_ENV)
    return tmp_path


def _revision(location: Path, *statements: str) -> None:
    (location / "versions" / "0001_first.py").write_text(_REVISION.format(statements=statements))


def _service(
    urls: ServiceUrls, location: Path, *, owner_url: str | None = None
) -> ServiceDefinition:
    settings = ServiceSettings.model_validate(
        {
            "database_url": urls.url,
            "database_owner_url": owner_url or urls.owner_url,
            "kafka_bootstrap": f"{LOOPBACK}:1",
            "http_port": 0,
            "object_store_url": "memory:",
            "object_store_key": base64.b64encode(bytes(32)).decode(),
            "jwks_url": f"http://{LOOPBACK}:1/jwks",
            "token_issuer": "https://issuer.test",
            "roles": "timers",
        }
    )
    return ServiceDefinition(
        name="orders",
        title="Orders",
        settings=settings,
        database=Database(urls.url),
        clock=SystemClock(),
        migrations=location,
        endpoints=[],
        subscriptions=[],
    )


async def test_a_lock_is_waited_out_and_the_service_starts(
    urls: ServiceUrls, location: Path, caplog: pytest.LogCaptureFixture
) -> None:
    engine = create_async_engine(urls.owner_url)
    async with engine.begin() as connection:
        await connection.execute(text("CREATE TABLE busy (n int)"))
    _revision(location, "ALTER TABLE busy ADD COLUMN migrated int")
    stop = asyncio.Event()
    async with engine.begin() as connection:
        await connection.execute(text("LOCK TABLE busy"))
        service = asyncio.create_task(run_service(_service(urls, location), stop=stop))
        await eventually(lambda: caplog.text.count(_WAITS) >= 2, because="two tries were logged")
        assert not service.done()

    async def migrated() -> bool:
        query = "SELECT 1 FROM information_schema.columns WHERE column_name = 'migrated'"
        async with engine.connect() as connection:
            return bool((await connection.execute(text(query))).all())

    await eventually(migrated, because="the lock is gone")
    assert not service.done()
    stop.set()
    async with asyncio.timeout(10):
        assert await service == 0
    await engine.dispose()


async def test_an_owner_that_cannot_be_reached_is_waited_for_until_the_stop(
    urls: ServiceUrls, location: Path, caplog: pytest.LogCaptureFixture
) -> None:
    _revision(location, "SELECT 1")
    nowhere = f"postgresql+asyncpg://nobody:none@{LOOPBACK}:{free_port()}/none"
    stop = asyncio.Event()
    definition = _service(urls, location, owner_url=nowhere)
    service = asyncio.create_task(run_service(definition, stop=stop))
    await eventually(lambda: caplog.text.count(_WAITS) >= 2, because="two tries were logged")
    assert "none@" not in caplog.text
    stop.set()
    async with asyncio.timeout(3):
        assert await service == 0


async def test_a_migration_that_hangs_is_cut_off_by_a_stop_and_changes_nothing(
    urls: ServiceUrls, location: Path
) -> None:
    _revision(location, "CREATE TABLE half_done (n int)", "SELECT pg_sleep(600)")
    stop = asyncio.Event()
    service = asyncio.create_task(run_service(_service(urls, location), stop=stop))
    engine = create_async_engine(urls.owner_url)

    async def sleeps() -> bool:
        query = "SELECT 1 FROM pg_stat_activity WHERE query LIKE '%pg_sleep(600)%' AND pid <> "
        async with engine.connect() as connection:
            return bool((await connection.execute(text(query + "pg_backend_pid()"))).all())

    await eventually(sleeps, because="the migration hangs")
    stop.set()
    async with asyncio.timeout(8):
        assert await service == 0
    async with engine.connect() as connection:
        found = await connection.execute(text("SELECT to_regclass('half_done')"))
        assert found.scalar_one() is None
    await engine.dispose()


async def test_a_migration_that_is_wrong_ends_the_start(urls: ServiceUrls, location: Path) -> None:
    _revision(location, "SELECT 1 FROM nowhere")
    with pytest.raises(PermanentError, match="could not be migrated"):
        await run_service(_service(urls, location), stop=asyncio.Event())


async def test_a_database_that_is_silent_is_told_and_does_not_hold_up_a_stop(
    urls: ServiceUrls, location: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with silent_server() as address:
        database = Database(f"postgresql+asyncpg://a:b@{address}/c")
        stop = asyncio.Event()
        with caplog.at_level(logging.WARNING):
            waiting = asyncio.create_task(database.wait_until_ready(stop=stop))
            await eventually(lambda: "is not there yet" in caplog.text, within_seconds=8)
            stop.set()
            async with asyncio.timeout(6):
                await waiting
        await database.close()
