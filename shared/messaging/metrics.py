"""Gauges of the messaging tables; observability registers them, one SQL statement each."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime

from sqlalchemy import text

from shared.db.engine import Database
from shared.db.scope import Scope
from shared.kernel.clock import Clock, SystemClock

_GAUGES = {
    "outbox_unpublished": "SELECT count(*) FROM outbox WHERE published_at IS NULL",
    "outbox_oldest_age_seconds": (
        "SELECT extract(epoch FROM :now - (SELECT occurred_at FROM outbox"
        " WHERE published_at IS NULL ORDER BY position LIMIT 1))"
    ),
    "inbox_open": "SELECT count(*) FROM inbox WHERE status IN ('pending', 'waiting')",
    "inbox_waiting": "SELECT count(*) FROM inbox WHERE status = 'waiting'",
    "inbox_oldest_age_seconds": (
        "SELECT extract(epoch FROM :now - min(received_at)) FROM inbox"
        " WHERE status IN ('pending', 'waiting')"
    ),
    "dead_letters": (
        "SELECT count(*) FROM dead_letter JOIN inbox USING (event_id) WHERE status = 'dead'"
    ),
    "audit_found_missing": "SELECT count(*) FROM inbox WHERE via = 'auditor'",
}
NAMES = tuple(_GAUGES)


async def gauges(database: Database, *, now: datetime) -> dict[str, float]:
    """Return every gauge by name; ages are in seconds, 0 where nothing is open.

    Raises:
        TransientError: the database does not answer.
    """
    values: dict[str, float] = {}
    async with database.transaction(Scope.everything()) as connection:
        for name, query in _GAUGES.items():
            statement = text(query)
            parameters = {"now": now} if ":now" in query else {}
            value = (await connection.execute(statement, parameters)).scalar_one()
            values[name] = max(float(value or 0), 0.0)
    return values


def messaging_gauges(
    database: Database, clock: Clock | None = None
) -> Callable[[], Awaitable[dict[str, float]]]:
    """Return a provider that reads the gauges whenever it is called."""
    ticking = clock or SystemClock()

    async def read() -> dict[str, float]:
        return await gauges(database, now=ticking.now())

    return read
