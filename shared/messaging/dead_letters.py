"""What could not be worked: list it, send it through again, or drop it in a person's name.

An open dead letter is one whose inbox row is still 'dead'. While it is open, later events of its
aggregate wait, unless it has no place in that order (a foreign source, a number that is taken):
then nothing waits for it, and dropping it moves nothing. A letter without a readable place in any
order (unreadable headers, conflicting content) cannot be replayed, only dropped.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.kernel.errors import NotFoundError
from shared.messaging.dead_letter_news import Settling, tell_settled
from shared.messaging.verdicts import OUT_OF_ORDER
from shared.messaging.worklist import move_cursors

LIST_MAX = 500

_LIST = text(
    """
    SELECT d.event_id, d.practice_id, d.topic, d.kafka_partition, d.kafka_offset, i.source,
           i.subject, i.sequence, i.type, d.reason, d.detail, d.died_at, d.replayed_at
    FROM dead_letter d JOIN inbox i USING (event_id)
    WHERE i.status = 'dead' AND (CAST(:reason AS text) IS NULL OR d.reason = :reason)
    ORDER BY d.id LIMIT :limit
    """
)
_REPLAY = text(
    """
    WITH chosen AS (
      SELECT i.event_id FROM dead_letter d JOIN inbox i USING (event_id)
      WHERE i.status = 'dead' AND i.sequence IS NOT NULL
        AND (CAST(:reason AS text) IS NULL OR d.reason = :reason)
        AND (CAST(:event_id AS uuid) IS NULL OR d.event_id = :event_id)
      ORDER BY d.id LIMIT :maximum
      FOR UPDATE OF i SKIP LOCKED
    ), revived AS (
      UPDATE inbox SET status = 'pending', reason = NULL, waits_for = NULL, tries = 0,
                       next_try_at = :now, via = 'replay', worked_at = NULL
      FROM chosen WHERE inbox.event_id = chosen.event_id
      RETURNING inbox.event_id
    )
    UPDATE dead_letter SET replayed_at = :now FROM revived
    WHERE dead_letter.event_id = revived.event_id
    RETURNING dead_letter.event_id
    """
)
_DROP = text(
    """
    UPDATE inbox SET status = 'skipped', reason = :reason, worked_at = :now
    FROM dead_letter d
    WHERE inbox.event_id = :event_id AND d.event_id = inbox.event_id AND status = 'dead'
    RETURNING source, subject, sequence, inbox.practice_id, d.reason AS died_of
    """
)
_CURSOR = text(
    """
    SELECT coalesce(max(last_sequence), 0) FROM inbox_cursor
    WHERE source = :source AND subject = :subject
    """
)
_LOCK = text(
    "SELECT pg_advisory_xact_lock(hashtextextended(source || ' ' || subject, 7212026102))"
    " FROM inbox WHERE event_id = :event_id"
)


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One open dead letter; its bytes stay in the table."""

    event_id: UUID
    practice_id: UUID | None
    topic: str
    partition: int
    offset: int
    source: str
    subject: str
    sequence: int | None
    type: str
    reason: str
    detail: str
    died_at: datetime
    replayed_at: datetime | None


async def list_open(
    connection: AsyncConnection, *, reason: str | None = None, limit: int = LIST_MAX
) -> list[DeadLetter]:
    """Return open dead letters, oldest first, as far as the connection's scope reaches."""
    parameters = {"reason": reason, "limit": min(limit, LIST_MAX)}
    rows = await connection.execute(_LIST, parameters)
    return [DeadLetter(*row) for row in rows]


async def replay(
    connection: AsyncConnection,
    *,
    now: datetime,
    maximum: int,
    event_id: UUID | None = None,
    reason: str | None = None,
    by: str | None = None,
    why: str = "",
) -> list[UUID]:
    """Send dead letters through the processor again; return the events' ids (system scope).

    Which: the one named, those with that reason, or all; oldest first, at most `maximum`. A second
    call does not find them again unless they died again.

    Args:
        by, why: a person and the reason, where they are known; told with it.
    """
    parameters: dict[str, Any] = {
        "now": now,
        "maximum": maximum,
        "event_id": event_id,
        "reason": reason,
    }
    replayed = [row.event_id for row in await connection.execute(_REPLAY, parameters)]
    await tell_settled(connection, replayed, Settling("replayed", by, why), now=now)
    return replayed


async def drop(
    connection: AsyncConnection, event_id: UUID, *, person: str, why: str, now: datetime
) -> None:
    """Give a dead letter up for good, so that its aggregate goes on without it.

    The inbox row keeps who decided it and why; the letter itself stays as evidence. To be used in
    the system's scope.

    Raises:
        ValueError: person or reason is empty.
        NotFoundError: no open dead letter has that id (it may have been dropped before).
    """
    if not person.strip() or not why.strip():
        raise ValueError("dropping an event needs a person's name and a reason")
    await connection.execute(_LOCK, {"event_id": event_id})
    parameters = {
        "event_id": event_id,
        "reason": f"dropped by {person.strip()}: {why.strip()}",
        "now": now,
    }
    dropped = (await connection.execute(_DROP, parameters)).one_or_none()
    if dropped is None:
        raise NotFoundError("no open dead letter has this id", code="dead-letter-not-found")
    place = {"source": dropped.source, "subject": dropped.subject}
    last = (await connection.execute(_CURSOR, place)).scalar_one()
    if dropped.sequence == last + 1 and dropped.died_of not in OUT_OF_ORDER:
        move = (dropped.source, dropped.subject, dropped.sequence, dropped.practice_id)
        await move_cursors(connection, [move], now=now)
    settling = Settling("dropped", person.strip(), why.strip())
    await tell_settled(connection, [event_id], settling, now=now)


if __name__ == "__main__":
    from shared.messaging.dead_letter_commands import main

    sys.exit(main(sys.argv[1:]))
