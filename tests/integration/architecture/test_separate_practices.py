"""In every service's database practices are kept apart by PostgreSQL itself, table by table."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from sandbox.postgres import ServiceUrls
from shared.db import Database, Scope
from shared.db.migrations import migrate
from shared.db.rls import practice_scope_ddl
from shared.messaging.schema import TABLES_WITHOUT_PRACTICE
from tests.architecture.sources import REPOSITORY, services
from tests.integration.architecture.catalogue import (
    fill_past_all_rules,
    holes,
    plain,
    tables,
    unprotected,
)
from tests.support.servers import DatabaseServer, ServiceDatabaseFactory

OF_NO_PRACTICE = TABLES_WITHOUT_PRACTICE | {"portal_circuit"}
"""A portal is everybody's; whose calls found out about it is not kept."""

SERVICES = services()
REACHES = "SELECT has_database_privilege(current_user, datname, 'CONNECT') FROM pg_database"


@pytest.fixture(params=SERVICES)
async def migrated(
    request: pytest.FixtureRequest, service_database: ServiceDatabaseFactory
) -> ServiceUrls:
    """One service's database, as its migrations leave it."""
    urls = service_database(request.param)
    await migrate(urls.owner_url, REPOSITORY / "services" / request.param / "migrations")
    return urls


async def test_every_table_with_rows_of_practices_has_forced_row_level_security(
    migrated: ServiceUrls,
) -> None:
    found = await tables(migrated.owner_url)
    assert {"outbox", "inbox", "audit_log"} <= {table.name for table in found}
    problems = unprotected(found, without_practice=OF_NO_PRACTICE)
    assert not problems, "\n".join(problems)


async def test_no_view_or_function_goes_round_the_policy(migrated: ServiceUrls) -> None:
    assert await holes(migrated.owner_url) == []


async def test_every_table_shows_a_row_to_its_own_practice_and_to_nobody_else(
    migrated: ServiceUrls, postgres_server: DatabaseServer
) -> None:
    """One row in every table, put there past all rules, then looked for in each scope."""
    practice, other = uuid4(), uuid4()
    names = [t.name for t in await tables(migrated.owner_url) if t.has_practice]
    superuser = postgres_server.address.url(migrated.database)
    await fill_past_all_rules(superuser, names, practice)
    database = Database(migrated.url, pool_size=1)
    async with database.engine.connect() as connection:
        assert await _visible(connection, names) == set()
    for scope, seen in (
        (Scope(), set()),
        (Scope.of(other), set()),
        (Scope.of(practice), set(names)),
        (Scope.of(other, practice), set(names)),
        (Scope.everything(), set(names)),
    ):
        async with database.transaction(scope) as connection:
            assert await _visible(connection, names) == seen, scope
    await database.close()


async def test_the_runtime_role_cannot_bypass_own_or_create_anything(
    migrated: ServiceUrls,
) -> None:
    connection = await asyncpg.connect(plain(migrated.url))
    try:
        role = await connection.fetchrow("SELECT * FROM pg_roles WHERE rolname = current_user")
        member = await connection.fetchval(
            "SELECT count(*) FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.member"
            " WHERE r.rolname = current_user"
        )
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("CREATE TABLE public.own (practice_id uuid)")
        owned = [table for table in await tables(migrated.url) if table.owner == role["rolname"]]
    finally:
        await connection.close()
    powers = ("rolsuper", "rolbypassrls", "rolcreatedb", "rolcreaterole", "rolreplication")
    assert {power: role[power] for power in powers} == dict.fromkeys(powers, False)
    assert member == 0
    assert owned == []


async def test_the_runtime_role_cannot_switch_the_policy_off(migrated: ServiceUrls) -> None:
    connection = await asyncpg.connect(plain(migrated.url))
    try:
        for statement in (
            "ALTER TABLE outbox DISABLE ROW LEVEL SECURITY",
            "DROP POLICY practice_scope ON outbox",
            "ALTER TABLE outbox NO FORCE ROW LEVEL SECURITY",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
        await connection.execute("SET row_security = off")
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
            await connection.fetch("SELECT * FROM outbox")
    finally:
        await connection.close()


@pytest.mark.parametrize("service", SERVICES)
async def test_a_service_reaches_no_database_but_its_own(
    service: str, service_database: ServiceDatabaseFactory
) -> None:
    own = service_database(service)
    others = [service_database(other) for other in SERVICES if other != service]
    connection = await asyncpg.connect(plain(own.url))
    try:
        reached = await connection.fetch(REACHES.replace("SELECT", "SELECT datname,", 1))
    finally:
        await connection.close()
    open_to_it = {row[0] for row in reached if row[1]}
    assert own.database in open_to_it
    assert not {other.database for other in others} & open_to_it
    for other in others:
        elsewhere = plain(own.url).removesuffix(own.database) + other.database
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await asyncpg.connect(elsewhere)


async def test_a_table_without_its_policy_is_noticed(
    service_database: ServiceDatabaseFactory,
) -> None:
    urls = service_database("orders")
    engine = create_async_engine(urls.owner_url)
    async with engine.begin() as connection:
        for name in ("bare", "kept", "half"):
            await connection.execute(text(f"CREATE TABLE {name} (practice_id uuid)"))
        for statement in practice_scope_ddl("kept") + practice_scope_ddl("half"):
            await connection.execute(text(statement))
        await connection.execute(text("ALTER TABLE half NO FORCE ROW LEVEL SECURITY"))
        await connection.execute(text("CREATE VIEW peep AS SELECT * FROM kept"))
    await engine.dispose()
    found = await tables(urls.owner_url)
    assert unprotected(found, without_practice=frozenset()) == [
        "bare: row-level security is not forced",
        "bare: does not have exactly the scope's policy",
        "half: row-level security is not forced",
    ]
    assert unprotected(found, without_practice=frozenset({"bare", "half"})) == [
        "bare: holds a practice, so it needs the policy",
        "half: holds a practice, so it needs the policy",
    ]
    loose = [replace(table, scoped=False) for table in found if table.name == "kept"]
    assert unprotected(loose, without_practice=frozenset()) == [
        "kept: does not have exactly the scope's policy"
    ]
    assert await holes(urls.owner_url) == ["view peep"]


async def _visible(connection: AsyncConnection, names: list[str]) -> set[str]:
    """Return the tables of which the connection sees a row."""
    seen = set()
    for name in names:
        count = await connection.execute(text(f'SELECT count(*) FROM "{name}"'))  # noqa: S608
        if count.scalar_one():
            seen.add(name)
    return seen
