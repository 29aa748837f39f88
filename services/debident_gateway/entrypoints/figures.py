"""Figures of the gateway for its metrics."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from services.debident_gateway import views
from shared.db.engine import Database
from shared.db.scope import Scope


def gateway_gauges(database: Database) -> Callable[[], Awaitable[dict[str, float]]]:
    """Return a provider that reads the figures of all practices whenever it is called."""

    async def read() -> dict[str, float]:
        async with database.transaction(Scope.everything()) as connection:
            return await views.figures(connection)

    return read
