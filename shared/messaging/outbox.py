"""Writes events into the outbox, in the same transaction as the state that they tell of."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.contracts.envelope import EventPayload
from shared.kernel.context import current_work
from shared.kernel.ids import derived_id, new_id

# Taking the counter's row lock orders this aggregate's events by commit, whoever writes them.
_NEXT_SEQUENCES = text(
    """
    INSERT INTO outbox_sequence AS s (subject, practice_id, last)
    SELECT subject, practice_id, count
    FROM unnest(CAST(:subjects AS uuid[]), CAST(:practices AS uuid[]), CAST(:counts AS bigint[]))
      AS wanted (subject, practice_id, count)
    ORDER BY subject
    ON CONFLICT (subject) DO UPDATE SET last = s.last + excluded.last
    RETURNING subject, last
    """
)
_INSERT = text(
    """
    INSERT INTO outbox (event_id, practice_id, topic, subject, sequence, type, version, body,
                        correlation_id, causation_id, traceparent, occurred_at)
    SELECT event_id, practice_id, topic, subject, sequence, type, version, body,
           :correlation_id, :causation_id, :traceparent, :occurred_at
    FROM unnest(CAST(:event_ids AS uuid[]), CAST(:practices AS uuid[]), CAST(:topics AS text[]),
                CAST(:subjects AS uuid[]), CAST(:sequences AS bigint[]), CAST(:types AS text[]),
                CAST(:versions AS integer[]), CAST(:bodies AS bytea[]))
      WITH ORDINALITY
      AS row (event_id, practice_id, topic, subject, sequence, type, version, body, place)
    ORDER BY place
    """
)


def subject_of(payload: EventPayload) -> UUID:
    """Return the aggregate id of an event."""
    subject: UUID = getattr(payload, payload.SUBJECT)
    return subject


async def append(
    connection: AsyncConnection, payloads: Sequence[EventPayload], *, occurred_at: datetime
) -> list[UUID]:
    """Write events to leave with this transaction, in the order given; return their ids.

    Each aggregate's sequence goes on without a gap; an event's id is derived from its place in
    that sequence, so that a retried transaction repeats it.
    """
    if not payloads:
        return []
    subjects = [subject_of(payload) for payload in payloads]
    sequences = await _sequences(connection, payloads, subjects)
    event_ids = [
        derived_id("event", payload.PRODUCER, subject, sequence)
        for payload, subject, sequence in zip(payloads, subjects, sequences, strict=True)
    ]
    work = current_work()
    await connection.execute(
        _INSERT,
        {
            "event_ids": event_ids,
            "practices": [payload.practice_id for payload in payloads],
            "topics": [payload.TOPIC for payload in payloads],
            "subjects": subjects,
            "sequences": sequences,
            "types": [payload.TYPE for payload in payloads],
            "versions": [payload.VERSION for payload in payloads],
            "bodies": [payload.model_dump_json().encode() for payload in payloads],
            "correlation_id": work.correlation_id if work else str(new_id()),
            "causation_id": work.causation_id if work else None,
            "traceparent": work.traceparent if work else None,
            "occurred_at": occurred_at,
        },
    )
    return event_ids


async def _sequences(
    connection: AsyncConnection, payloads: Sequence[EventPayload], subjects: Sequence[UUID]
) -> list[int]:
    counts: dict[UUID, int] = {}
    practices: dict[UUID, UUID] = {}
    for payload, subject in zip(payloads, subjects, strict=True):
        counts[subject] = counts.get(subject, 0) + 1
        practices[subject] = payload.practice_id
    rows = await connection.execute(
        _NEXT_SEQUENCES,
        {
            "subjects": list(counts),
            "practices": [practices[subject] for subject in counts],
            "counts": list(counts.values()),
        },
    )
    following = {row.subject: row.last - counts[row.subject] for row in rows}
    sequences = []
    for subject in subjects:
        following[subject] += 1
        sequences.append(following[subject])
    return sequences
