"""Trouble that passes is told apart from trouble that stays."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from sandbox.ports import LOOPBACK, free_port
from shared.db import Database, Scope
from shared.db.engine import is_transient, sqlstate
from shared.kernel.errors import TransientError
from tests.support.servers import DatabaseServer, ServiceDatabaseFactory
from tests.support.waiting import eventually


@pytest.fixture
async def database(service_database: ServiceDatabaseFactory) -> AsyncIterator[Database]:
    """A runtime role's database with a temporary-table right and no tables."""
    database = Database(service_database("orders").url, pool_size=2)
    yield database
    await database.close()


@pytest.mark.parametrize(
    "state", ["40001", "40P01", "55P03", "53300", "57P01", "57P03", "57014", "08006", "08001"]
)
async def test_what_passes_may_be_tried_again(database: Database, state: str) -> None:
    with pytest.raises(TransientError):
        async with database.transaction(Scope()) as connection:
            await _raise(connection, state)


@pytest.mark.parametrize("state", ["23505", "23503", "23514", "42501", "22003", "P0001", "42P01"])
async def test_what_stays_is_raised_as_it_is(database: Database, state: str) -> None:
    with pytest.raises(DBAPIError) as raised:
        async with database.transaction(Scope()) as connection:
            await _raise(connection, state)
    assert sqlstate(raised.value) == state
    assert not is_transient(raised.value)


async def test_a_broken_rule_of_the_table_is_not_transient(database: Database) -> None:
    async def break_a_rule() -> None:
        async with database.transaction(Scope()) as connection:
            await connection.execute(text("CREATE TEMPORARY TABLE t (n int UNIQUE)"))
            await connection.execute(text("INSERT INTO t VALUES (1), (1)"))

    with pytest.raises(IntegrityError):
        await break_a_rule()


async def test_a_lost_connection_is_transient(
    database: Database, postgres_server: DatabaseServer
) -> None:
    with pytest.raises(TransientError):
        async with database.transaction(Scope()) as connection:
            await connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))


async def test_after_a_lost_connection_the_next_transaction_works(database: Database) -> None:
    with pytest.raises(TransientError):
        async with database.transaction(Scope()) as connection:
            await connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
    async with database.transaction(Scope()) as connection:
        assert (await connection.execute(text("SELECT 1"))).scalar_one() == 1


async def test_an_error_of_the_caller_is_not_turned_into_a_database_error(
    database: Database,
) -> None:
    with pytest.raises(KeyError):
        async with database.transaction(Scope()):
            raise KeyError("of the handler")


async def test_a_server_that_is_not_there_is_transient_and_not_ready() -> None:
    database = _nowhere()
    with pytest.raises(TransientError, match="did not answer"):
        async with database.transaction(Scope()):
            raise AssertionError("no transaction without a server")
    assert not await database.is_ready()
    await database.close()


async def test_waiting_ends_as_soon_as_the_database_answers(database: Database) -> None:
    await asyncio.wait_for(database.wait_until_ready(), timeout=10)
    assert await database.is_ready()


async def test_waiting_says_what_it_waits_for_and_ends_when_told_to_stop(
    caplog: pytest.LogCaptureFixture,
) -> None:
    database, stop = _nowhere(), asyncio.Event()
    with caplog.at_level(logging.WARNING, logger="shared.db.engine"):
        waiting = asyncio.create_task(database.wait_until_ready(stop=stop))
        await eventually(lambda: len(caplog.records) >= 2, because="two tries were logged")
        assert not waiting.done()
        stop.set()
        await asyncio.wait_for(waiting, timeout=10)
    assert "the database is not there yet" in caplog.text
    await database.close()


async def _raise(connection: AsyncConnection, state: str) -> None:
    await connection.execute(
        text(f"DO $$ BEGIN RAISE EXCEPTION 'invented' USING ERRCODE = '{state}'; END $$")
    )


def _nowhere() -> Database:
    return Database(f"postgresql+asyncpg://nobody:none@{LOOPBACK}:{free_port()}/none")
