"""Append-only holds for the owner as well: no migration or repair by hand rewrites history."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from shared.db.engine import sqlstate
from shared.db.rls import append_only_ddl
from tests.support.servers import ServiceDatabaseFactory


@pytest.mark.parametrize(
    "statement", ["UPDATE entry SET words = 'b'", "DELETE FROM entry", "TRUNCATE entry"]
)
async def test_the_owner_cannot_change_an_append_only_row(
    service_database: ServiceDatabaseFactory, statement: str
) -> None:
    engine = create_async_engine(service_database("orders").owner_url)
    async with engine.begin() as connection:
        await connection.execute(text("CREATE TABLE entry (words text)"))
        for ddl in append_only_ddl("entry", role="orders"):
            await connection.execute(text(ddl))
        await connection.execute(text("INSERT INTO entry VALUES ('a')"))
    with pytest.raises(DBAPIError, match="append-only") as refused:
        async with engine.begin() as connection:
            await connection.execute(text(statement))
    assert sqlstate(refused.value) == "23001"
    async with engine.connect() as connection:
        assert (await connection.execute(text("SELECT words FROM entry"))).scalars().all() == ["a"]
    await engine.dispose()
