"""Figures of the orders service for its metrics."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from services.orders import views
from shared.db.engine import Database
from shared.db.scope import Scope


def order_gauges(database: Database) -> Callable[[], Awaitable[dict[str, float]]]:
    """Return a provider that reads the figures of all practices whenever it is called."""

    async def read() -> dict[str, float]:
        async with database.transaction(Scope.everything()) as connection:
            return {"orders_overdue": float(await views.overdue_count(connection))}

    return read
