"""The processor's SQL: which aggregates are due, and what is written when they were worked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.messaging.inbox import bury, headers_from_json
from shared.messaging.verdicts import InboxRow, Policy, Verdict

PREDECESSOR_MISSING = "predecessor-missing"

# Materialized, so that locks are tried for the chosen aggregates only.
_CLAIM = text(
    """
    WITH due AS MATERIALIZED (
      SELECT source, subject, position FROM inbox
      WHERE status IN ('pending', 'waiting') AND next_try_at <= :now
      ORDER BY next_try_at, position LIMIT :rows
    ), chosen AS MATERIALIZED (
      SELECT source, subject, min(position) AS first FROM due
      GROUP BY source, subject ORDER BY first LIMIT :aggregates
    )
    SELECT source, subject FROM chosen
    WHERE pg_try_advisory_xact_lock(hashtextextended(source || ' ' || subject, 7212026102))
    ORDER BY first
    """
)
# A statement of its own, after the locks: it must see what their last holders committed.
_LOAD = text(
    """
    SELECT i.position, i.event_id, i.source, i.subject, i.sequence, i.type, i.practice_id, i.topic,
           i.kafka_partition, i.kafka_offset, i.key, i.headers, i.value, i.status, i.waits_for,
           i.tries, i.next_try_at, i.received_at, coalesce(c.last_sequence, 0) AS last_sequence
    FROM unnest(CAST(:sources AS text[]), CAST(:subjects AS text[]))
           WITH ORDINALITY AS a (source, subject, place)
    LEFT JOIN inbox_cursor c ON c.source = a.source AND c.subject = a.subject
    CROSS JOIN LATERAL (
      SELECT * FROM inbox i
      WHERE i.source = a.source AND i.subject = a.subject AND i.status IN ('pending', 'waiting')
      ORDER BY i.sequence, i.position LIMIT :per_aggregate
    ) i
    ORDER BY a.place, i.sequence, i.position
    LIMIT :events
    """
)
_WRITE = text(
    """
    UPDATE inbox SET status = v.status, reason = v.reason, waits_for = v.waits_for,
                     tries = v.tries, next_try_at = coalesce(v.next_try_at, inbox.next_try_at),
                     worked_at = :now
    FROM unnest(CAST(:positions AS bigint[]), CAST(:statuses AS text[]), CAST(:reasons AS text[]),
                CAST(:waits_for AS text[]), CAST(:tries AS integer[]),
                CAST(:next_tries AS timestamptz[]))
      AS v (position, status, reason, waits_for, tries, next_try_at)
    WHERE inbox.position = v.position AND inbox.status IN ('pending', 'waiting')
    RETURNING inbox.event_id
    """
)
_MOVE_CURSORS = text(
    """
    INSERT INTO inbox_cursor AS c (source, subject, last_sequence, practice_id)
    SELECT * FROM unnest(CAST(:sources AS text[]), CAST(:subjects AS text[]),
                         CAST(:lasts AS bigint[]), CAST(:practices AS uuid[]))
    ON CONFLICT (source, subject) DO UPDATE SET last_sequence = excluded.last_sequence
    """
)
_WAKE_FOLLOWERS = text(
    """
    UPDATE inbox SET status = 'pending', reason = NULL, next_try_at = :now
    FROM unnest(CAST(:sources AS text[]), CAST(:subjects AS text[]), CAST(:lasts AS bigint[]))
      AS c (source, subject, last)
    WHERE inbox.source = c.source AND inbox.subject = c.subject AND inbox.sequence = c.last + 1
      AND inbox.status = 'waiting' AND inbox.waits_for IS NULL
    """
)
_WAKE_EARLY = text(
    """
    UPDATE inbox SET status = 'pending', next_try_at = :now
    WHERE status = 'waiting' AND waits_for = ANY (CAST(:subjects AS text[]))
    """
)
_BLOCK = text(
    """
    UPDATE inbox SET status = 'waiting', reason = :reason, waits_for = NULL, next_try_at = :until
    FROM unnest(CAST(:sources AS text[]), CAST(:subjects AS text[]), CAST(:afters AS bigint[]))
      AS b (source, subject, after)
    WHERE inbox.source = b.source AND inbox.subject = b.subject AND inbox.sequence > b.after
      AND inbox.status IN ('pending', 'waiting') AND inbox.next_try_at <= :now
    """
)


@dataclass(frozen=True, slots=True)
class Aggregate:
    """A claimed aggregate: its cursor and its first open rows, by sequence."""

    source: str
    subject: str
    last_sequence: int
    rows: list[InboxRow] = field(default_factory=list)


@dataclass(slots=True)
class Progress:
    """How far an aggregate came in this round.

    Attributes:
        last: the cursor's new value; `practice_id` is that of the row it came from.
        blocked_after: rows with a higher sequence cannot be worked yet; None: nothing is blocked.
    """

    aggregate: Aggregate
    last: int
    practice_id: UUID | None = None
    blocked_after: int | None = None
    verdicts: list[Verdict] = field(default_factory=list)


async def claim(connection: AsyncConnection, *, now: datetime, policy: Policy) -> list[Aggregate]:
    """Lock due aggregates until the transaction ends, and load their first open rows."""
    parameters = {"now": now, "rows": policy.events_max * 4, "aggregates": policy.aggregates_max}
    claimed = (await connection.execute(_CLAIM, parameters)).all()
    if not claimed:
        return []
    result = await connection.execute(
        _LOAD,
        {
            "sources": [row.source for row in claimed],
            "subjects": [row.subject for row in claimed],
            "per_aggregate": policy.events_per_aggregate_max,
            "events": policy.events_max,
        },
    )
    aggregates: dict[tuple[str, str], Aggregate] = {}
    for found in result:
        key = (found.source, found.subject)
        aggregate = aggregates.setdefault(key, Aggregate(*key, found.last_sequence))
        aggregate.rows.append(_inbox_row(found))
    return list(aggregates.values())


async def write(
    connection: AsyncConnection, progress: Sequence[Progress], *, now: datetime, policy: Policy
) -> None:
    """Write what became of the claimed rows, and wake what waited for them (system scope)."""
    verdicts = [verdict for each in progress for verdict in each.verdicts]
    if verdicts:
        await _write_verdicts(connection, verdicts, now=now)
    moved = [each for each in progress if each.last > each.aggregate.last_sequence]
    if moved:
        await move_cursors(
            connection,
            [(p.aggregate.source, p.aggregate.subject, p.last, p.practice_id) for p in moved],
            now=now,
        )
    blocked = [each for each in progress if each.blocked_after is not None]
    if blocked:
        await connection.execute(
            _BLOCK,
            {
                "sources": [each.aggregate.source for each in blocked],
                "subjects": [each.aggregate.subject for each in blocked],
                "afters": [each.blocked_after for each in blocked],
                "reason": PREDECESSOR_MISSING,
                "until": now + timedelta(seconds=policy.recheck_seconds[1]),
                "now": now,
            },
        )
    done = sorted({verdict.row.subject for verdict in verdicts if verdict.status == "done"})
    if done:
        await connection.execute(_WAKE_EARLY, {"subjects": done, "now": now})


async def move_cursors(
    connection: AsyncConnection,
    moves: Sequence[tuple[str, str, int, UUID | None]],
    *,
    now: datetime,
) -> None:
    """Set cursors, each given as (source, subject, last sequence, practice); wake what follows."""
    places = {
        "sources": [source for source, _, _, _ in moves],
        "subjects": [subject for _, subject, _, _ in moves],
        "lasts": [last for _, _, last, _ in moves],
    }
    practices = [practice for _, _, _, practice in moves]
    await connection.execute(_MOVE_CURSORS, {**places, "practices": practices})
    await connection.execute(_WAKE_FOLLOWERS, {**places, "now": now})


async def _write_verdicts(
    connection: AsyncConnection, verdicts: Sequence[Verdict], *, now: datetime
) -> None:
    result = await connection.execute(
        _WRITE,
        {
            "positions": [verdict.row.position for verdict in verdicts],
            "statuses": [verdict.status for verdict in verdicts],
            "reasons": [verdict.reason for verdict in verdicts],
            "waits_for": [verdict.waits_for for verdict in verdicts],
            "tries": [verdict.tries for verdict in verdicts],
            "next_tries": [verdict.next_try_at for verdict in verdicts],
            "now": now,
        },
    )
    written = {row.event_id for row in result}
    dead = [
        (verdict.row.event_id, verdict.reason or "", verdict.detail)
        for verdict in verdicts
        if verdict.status == "dead" and verdict.row.event_id in written
    ]
    await bury(connection, dead, now=now)


def _inbox_row(found: Row[Any]) -> InboxRow:
    return InboxRow(
        position=found.position,
        event_id=found.event_id,
        source=found.source,
        subject=found.subject,
        sequence=found.sequence,
        type=found.type,
        practice_id=found.practice_id,
        topic=found.topic,
        partition=found.kafka_partition,
        offset=found.kafka_offset,
        key=found.key,
        headers=headers_from_json(found.headers),
        value=found.value,
        status=found.status,
        waits_for=found.waits_for,
        tries=found.tries,
        next_try_at=found.next_try_at,
        received_at=found.received_at,
    )
