"""Migrations run once, as the owner, whoever starts first."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from shared.db.migrations import current_and_head, migrate
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
    with pytest.raises(Exception, match="nowhere"):
        await migrate(url, location)
    assert await _runs(url) == 1
    assert await _revisions(url, location) == ("0001", "0002")


async def test_the_runtime_role_cannot_migrate(
    service_database: ServiceDatabaseFactory, location: Path
) -> None:
    with pytest.raises(Exception, match="permission denied"):
        await migrate(service_database("orders").url, location)


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
