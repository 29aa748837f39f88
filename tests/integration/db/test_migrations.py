"""Migrations run once, as the owner, whoever starts first."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from sandbox.ports import LOOPBACK, free_port
from shared.db.migrations import current_and_head, migrate
from shared.kernel.errors import PermanentError, TransientError
from tests.support.servers import ServiceDatabaseFactory

_ENV = "from shared.db.migrations import run_env\n\nrun_env()\n"
_FIRST = """
from alembic import op

revision = "0001"
down_revision = None

def upgrade():
    op.execute("CREATE TABLE ran (at timestamptz DEFAULT now())")
    op.execute("INSERT INTO ran DEFAULT VALUES")
"""
_BROKEN = """
from alembic import op

revision = "0002"
down_revision = "0001"

def upgrade():
    op.execute("INSERT INTO ran DEFAULT VALUES")
    op.execute("SELECT 1 FROM nowhere")
"""

_LOCKED = """
from alembic import op

revision = "0002"
down_revision = "0001"

def upgrade():
    op.execute("SET LOCAL lock_timeout = '100ms'")
    op.execute("ALTER TABLE ran ADD COLUMN n int")
"""


@pytest.fixture
def location(tmp_path: Path) -> Path:
    """A folder of migrations with one revision."""
    (tmp_path / "versions").mkdir()
    (tmp_path / "env.py").write_text(_ENV)
    (tmp_path / "versions" / "0001_first.py").write_text(_FIRST)
    return tmp_path


async def test_processes_that_start_together_migrate_once(
    service_database: ServiceDatabaseFactory, location: Path
) -> None:
    url = service_database("orders").owner_url
    await asyncio.gather(*(migrate(url, location) for _ in range(3)))
    assert await _runs(url) == 1


async def test_migrating_again_changes_nothing_and_the_database_is_at_the_head(
    service_database: ServiceDatabaseFactory, location: Path
) -> None:
    url = service_database("orders").owner_url
    await migrate(url, location)
    await migrate(url, location)
    assert await _runs(url) == 1
    assert await _revisions(url, location) == ("0001", "0001")


async def test_a_revision_that_fails_leaves_nothing_of_itself(
    service_database: ServiceDatabaseFactory, location: Path
) -> None:
    url = service_database("orders").owner_url
    await migrate(url, location)
    (location / "versions" / "0002_broken.py").write_text(_BROKEN)
    with pytest.raises(PermanentError, match="nowhere"):
        await migrate(url, location)
    assert await _runs(url) == 1
    assert await _revisions(url, location) == ("0001", "0002")


async def test_the_runtime_role_cannot_migrate(
    service_database: ServiceDatabaseFactory, location: Path
) -> None:
    with pytest.raises(PermanentError, match="permission denied"):
        await migrate(service_database("orders").url, location)


async def test_a_database_of_a_later_version_is_refused_for_good(
    service_database: ServiceDatabaseFactory, location: Path
) -> None:
    url = service_database("orders").owner_url
    await migrate(url, location)
    (location / "versions" / "0001_first.py").unlink()
    with pytest.raises(PermanentError, match="do not fit"):
        await migrate(url, location)


async def test_a_database_that_is_away_or_locked_may_be_migrated_later(
    service_database: ServiceDatabaseFactory, location: Path
) -> None:
    with pytest.raises(TransientError, match="cannot be migrated now: ConnectionRefusedError"):
        await migrate(f"postgresql+asyncpg://a:b@{LOOPBACK}:{free_port()}/c", location)
    url = service_database("orders").owner_url
    await migrate(url, location)
    (location / "versions" / "0002_locked.py").write_text(_LOCKED)
    engine = create_async_engine(url)
    async with engine.begin() as connection:
        await connection.execute(text("LOCK TABLE ran"))
        with pytest.raises(TransientError, match="55P03"):
            await migrate(url, location)
    await engine.dispose()
    await migrate(url, location)
    assert await _revisions(url, location) == ("0002", "0002")


async def _runs(url: str) -> int:
    engine = create_async_engine(url)
    async with engine.connect() as connection:
        count = (await connection.execute(text("SELECT count(*) FROM ran"))).scalar_one()
    await engine.dispose()
    return int(count)


async def _revisions(url: str, location: Path) -> tuple[str | None, str | None]:
    engine = create_async_engine(url)
    async with engine.connect() as connection:
        revisions = await connection.run_sync(current_and_head, location)
    await engine.dispose()
    return revisions
