"""A transaction sees the rows of its scope and no others, whatever the statement says."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from shared.db import Database, Scope
from shared.db.engine import sqlstate
from shared.db.rls import append_only_ddl, practice_scope_ddl
from tests.support.servers import ServiceDatabaseFactory

ROLE = "orders"
ONE, OTHER = uuid4(), uuid4()


@pytest.fixture
async def database(service_database: ServiceDatabaseFactory) -> AsyncIterator[Database]:
    """A database with one scoped table, `note`, and one append-only one, `entry`."""
    urls = service_database(ROLE)
    owner = create_async_engine(urls.owner_url)
    async with owner.begin() as connection:
        for table in ("note", "entry"):
            await connection.execute(
                text(f"CREATE TABLE {table} (practice_id uuid, words text NOT NULL)")
            )
            for statement in practice_scope_ddl(table):
                await connection.execute(text(statement))
        for statement in append_only_ddl("entry", role=ROLE):
            await connection.execute(text(statement))
    await owner.dispose()
    database = Database(urls.url, pool_size=2)
    for practice in (ONE, OTHER):
        await write(database, Scope.of(practice), practice)
    yield database
    await database.close()


async def test_a_transaction_sees_its_own_practice_only(database: Database) -> None:
    assert await owners(database, Scope.of(ONE)) == {ONE}
    assert await owners(database, Scope.of(OTHER)) == {OTHER}


async def test_several_practices_may_be_in_scope(database: Database) -> None:
    assert await owners(database, Scope.of(ONE, OTHER)) == {ONE, OTHER}


async def test_the_system_sees_every_practice(database: Database) -> None:
    assert await owners(database, Scope.everything()) == {ONE, OTHER}


async def test_an_empty_scope_sees_nothing(database: Database) -> None:
    assert await owners(database, Scope()) == set()
    assert await owners(database, Scope.among([])) == set()


async def test_a_connection_without_a_scope_sees_nothing(database: Database) -> None:
    async with database.engine.connect() as connection:
        assert (await connection.execute(text("SELECT * FROM note"))).all() == []


async def test_the_scope_ends_with_its_transaction(database: Database) -> None:
    for _ in range(4):  # more than the pool holds, so that a connection is used again
        async with database.transaction(Scope.everything()) as connection:
            await connection.execute(text("SELECT 1"))
    async with database.engine.connect() as connection:
        assert (await connection.execute(text("SELECT * FROM note"))).all() == []


async def test_a_row_of_another_practice_cannot_be_written(database: Database) -> None:
    with pytest.raises(DBAPIError) as refused:
        await write(database, Scope.of(ONE), OTHER)
    assert sqlstate(refused.value) == "42501"


async def test_a_row_cannot_be_moved_to_another_practice(database: Database) -> None:
    with pytest.raises(DBAPIError) as refused:
        async with database.transaction(Scope.of(ONE)) as connection:
            await connection.execute(text("UPDATE note SET practice_id = :p"), {"p": OTHER})
    assert sqlstate(refused.value) == "42501"


async def test_changing_and_deleting_reach_the_own_rows_only(database: Database) -> None:
    async with database.transaction(Scope.of(ONE)) as connection:
        changed = await connection.execute(text("UPDATE note SET words = 'mine'"))
        deleted = await connection.execute(text("DELETE FROM note"))
    assert (changed.rowcount, deleted.rowcount) == (1, 1)
    assert await owners(database, Scope.everything()) == {OTHER}


async def test_a_row_without_a_practice_is_the_systems_alone(database: Database) -> None:
    await write(database, Scope.everything(), None)
    assert await owners(database, Scope.of(ONE)) == {ONE}
    assert None in await owners(database, Scope.everything())


async def test_the_owner_is_bound_too(
    database: Database, service_database: ServiceDatabaseFactory
) -> None:
    async with database.engine.connect() as connection:
        forced = await connection.execute(
            text("SELECT relforcerowsecurity FROM pg_class WHERE relname = 'note'")
        )
        assert forced.scalar_one() is True


async def test_an_append_only_row_can_be_read_and_added_but_not_changed(
    database: Database,
) -> None:
    async with database.transaction(Scope.of(ONE)) as connection:
        await connection.execute(text("INSERT INTO entry VALUES (:p, 'a')"), {"p": ONE})
    for statement in ("UPDATE entry SET words = 'b'", "DELETE FROM entry", "TRUNCATE entry"):
        with pytest.raises(DBAPIError) as refused:
            async with database.transaction(Scope.of(ONE)) as connection:
                await connection.execute(text(statement))
        assert sqlstate(refused.value) == "42501", statement


async def test_a_failed_transaction_leaves_nothing_behind(database: Database) -> None:
    async def delete_and_fail() -> None:
        async with database.transaction(Scope.of(ONE)) as connection:
            await connection.execute(text("DELETE FROM note"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await delete_and_fail()
    assert await owners(database, Scope.of(ONE)) == {ONE}


async def write(database: Database, scope: Scope, practice: UUID | None) -> None:
    """Insert one note of a practice within a scope."""
    async with database.transaction(scope) as connection:
        await connection.execute(text("INSERT INTO note VALUES (:p, 'words')"), {"p": practice})


async def owners(database: Database, scope: Scope) -> set[UUID | None]:
    """Return the practices whose notes a scope sees."""
    async with database.transaction(scope) as connection:
        rows = await connection.execute(text("SELECT practice_id FROM note"))
        return set(rows.scalars())
