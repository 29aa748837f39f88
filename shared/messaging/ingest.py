"""The sink between an event source and the inbox."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from shared.db.engine import Database
from shared.db.scope import Scope
from shared.kernel.clock import Clock
from shared.messaging import inbox
from shared.messaging.events import RawRecord
from shared.messaging.source import RecordSink

_LOG = logging.getLogger(__name__)


def inbox_sink(database: Database, clock: Clock) -> RecordSink:
    """Return a sink that stores a batch in one transaction before it returns.

    The sink raises TransientError while the database is away, and nothing else because of a
    record's content.
    """

    async def sink(records: Sequence[RawRecord]) -> None:
        async with database.transaction(Scope.everything()) as connection:
            stored = await inbox.store(connection, records, now=clock.now(), via="ingest")
        if stored.conflicts:
            _LOG.error(
                "records claim the id of another event", extra={"conflicts": stored.conflicts}
            )

    return sink
