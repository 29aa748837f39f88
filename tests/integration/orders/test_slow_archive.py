"""Reading the documents of an order takes longer than a transaction may idle."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, event

from sandbox.postgres import ServiceUrls
from shared.contracts.envelope import ContentRef
from shared.db.engine import Database
from shared.kernel import staying_awake
from shared.testing import FrozenClock
from tests.integration.orders.house import House
from tests.support.waiting import eventually
from tests.support.web import ApiClient, api_client

_LIMIT_MILLISECONDS = 600


@pytest.fixture
async def hasty(urls: ServiceUrls) -> AsyncIterator[House]:
    """A service whose database ends a transaction in which nothing happens for 0.6 s."""
    database = Database(urls.url)

    @event.listens_for(database.engine.sync_engine, "begin")
    def _(connection: Connection) -> None:
        connection.exec_driver_sql(
            f"SET LOCAL idle_in_transaction_session_timeout = {_LIMIT_MILLISECONDS}"
        )

    yield House(database, FrozenClock())
    await database.close()


@pytest.fixture
async def hasty_api(hasty: House) -> AsyncIterator[ApiClient]:
    """Its API."""
    async with api_client(
        hasty.definition.endpoints, hasty.database, clock=hasty.clock, service="orders"
    ) as client:
        yield client.as_user()


async def _a_transaction_is_older_than_the_limit_or_was_ended(house: House) -> bool:
    rows = await house.rows(
        "SELECT count(*) FILTER (WHERE xact_start < clock_timestamp()"
        " - CAST(:limit AS integer) * interval '3 milliseconds') AS old, count(*) AS all"
        " FROM pg_stat_activity WHERE datname = current_database()"
        " AND pid <> pg_backend_pid() AND state LIKE 'idle in transaction%'",
        limit=_LIMIT_MILLISECONDS,
    )
    return bool(rows[0].old) or not rows[0].all


@pytest.mark.parametrize("slow", ["get", "put_stream"])
async def test_an_order_is_prepared_although_the_archive_takes_longer_than_the_database_waits(
    hasty: House, hasty_api: ApiClient, monkeypatch: pytest.MonkeyPatch, slow: str
) -> None:
    monkeypatch.setattr(staying_awake, "PAUSE_SECONDS", _LIMIT_MILLISECONDS / 4000)
    await hasty.open()
    await hasty.issue("A-1")
    call = getattr(hasty.store, slow)

    async def after_a_while(*given: ContentRef, practice_id: UUID, **more: Any) -> Any:
        await eventually(
            lambda: _a_transaction_is_older_than_the_limit_or_was_ended(hasty),
            because="the preparing transaction is old",
        )
        return await call(*given, practice_id=practice_id, **more)

    monkeypatch.setattr(hasty.store, slow, after_a_while)
    body = {"contract_id": str(hasty.contract_id)}
    status, order = await hasty_api.post(f"{hasty.path}/orders", body)
    assert (status, order.get("order_number")) == (201, "CMD-2026-0001"), order
