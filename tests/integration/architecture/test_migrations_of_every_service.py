"""Every service's migrations lead from nothing to the newest revision, and again to no change."""

from __future__ import annotations

from pathlib import Path

import asyncpg
import pytest
from alembic.script import ScriptDirectory
from sqlalchemy.ext.asyncio import create_async_engine

from shared.db.migrations import alembic_config, current_and_head, migrate
from tests.architecture.sources import REPOSITORY, services
from tests.integration.architecture.catalogue import plain
from tests.support.servers import ServiceDatabaseFactory

SERVICES = services()
SCHEMA = """
SELECT 'column' AS kind, table_name || '.' || column_name AS name,
       concat_ws(' ', data_type, is_nullable, column_default) AS rule
FROM information_schema.columns WHERE table_schema = 'public'
UNION ALL
SELECT 'constraint', conrelid::regclass || '.' || conname, pg_get_constraintdef(oid)
FROM pg_constraint WHERE connamespace = 'public'::regnamespace
UNION ALL
SELECT 'index', indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
UNION ALL
SELECT 'policy', tablename || '.' || policyname, concat_ws(' ', cmd, qual, with_check)
FROM pg_policies WHERE schemaname = 'public'
UNION ALL
SELECT 'right', table_name || ' ' || grantee, string_agg(privilege_type, ',' ORDER BY 1)
FROM information_schema.role_table_grants WHERE table_schema = 'public'
GROUP BY table_name, grantee
ORDER BY 1, 2, 3
"""


def migrations_of(service: str) -> Path:
    """Return the folder of a service's migrations."""
    return REPOSITORY / "services" / service / "migrations"


@pytest.mark.parametrize("service", SERVICES)
async def test_migrating_twice_leads_to_the_head_and_changes_nothing_the_second_time(
    service: str, service_database: ServiceDatabaseFactory
) -> None:
    urls = service_database(service)
    await migrate(urls.owner_url, migrations_of(service))
    first = await _schema(urls.owner_url)
    await migrate(urls.owner_url, migrations_of(service))
    assert await _schema(urls.owner_url) == first
    assert len(first) > 50
    engine = create_async_engine(urls.owner_url)
    async with engine.connect() as connection:
        current, head = await connection.run_sync(current_and_head, migrations_of(service))
    await engine.dispose()
    assert current == head is not None


@pytest.mark.parametrize("service", SERVICES)
def test_the_revisions_form_one_line_with_one_head(service: str) -> None:
    scripts = ScriptDirectory.from_config(alembic_config(migrations_of(service)))
    assert len(scripts.get_heads()) == 1
    assert len(scripts.get_bases()) == 1


async def _schema(url: str) -> list[tuple[object, ...]]:
    connection = await asyncpg.connect(plain(url))
    try:
        return [tuple(row) for row in await connection.fetch(SCHEMA)]
    finally:
        await connection.close()
