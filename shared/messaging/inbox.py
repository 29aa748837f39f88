"""Stores records as they came, each exactly once; decoding is the processor's work.

Ingest, the auditor and a replay all come through here, so that poison cannot stop the intake: what
has no readable place in any order is kept as a dead letter, with its bytes.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.kernel.ids import derived_id
from shared.messaging.codec import Envelope, read_envelope
from shared.messaging.events import RawRecord

UNREADABLE = "unreadable-headers"
CONFLICT = "conflicting-content"

Via = Literal["ingest", "auditor"]

_INSERT = text(
    """
    INSERT INTO inbox (event_id, practice_id, source, subject, sequence, type, topic,
                       kafka_partition, kafka_offset, key, headers, value, status, reason,
                       deliveries, via, received_at, next_try_at)
    SELECT event_id, practice_id, source, subject, sequence, type, topic,
           kafka_partition, kafka_offset, key, CAST(headers AS jsonb), value, status, reason,
           deliveries, :via, :now, :now
    FROM unnest(CAST(:event_ids AS uuid[]), CAST(:practices AS uuid[]), CAST(:sources AS text[]),
                CAST(:subjects AS text[]), CAST(:sequences AS bigint[]), CAST(:types AS text[]),
                CAST(:topics AS text[]), CAST(:partitions AS integer[]),
                CAST(:offsets AS bigint[]), :keys, CAST(:headers AS text[]), :values,
                CAST(:statuses AS text[]), CAST(:reasons AS text[]),
                CAST(:deliveries AS integer[]))
      WITH ORDINALITY
      AS record (event_id, practice_id, source, subject, sequence, type, topic, kafka_partition,
                 kafka_offset, key, headers, value, status, reason, deliveries, place)
    ORDER BY place
    ON CONFLICT (event_id) DO NOTHING
    RETURNING event_id
    """
).bindparams(bindparam("keys", type_=ARRAY(BYTEA)), bindparam("values", type_=ARRAY(BYTEA)))
_COUNT_REPEATS = text(
    """
    UPDATE inbox SET deliveries = inbox.deliveries + again.deliveries
    FROM unnest(CAST(:event_ids AS uuid[]), CAST(:deliveries AS integer[]))
      AS again (event_id, deliveries)
    WHERE inbox.event_id = again.event_id
    RETURNING inbox.event_id, practice_id, source, subject, sequence, type,
              encode(sha256(coalesce(value, '')), 'hex') AS sha256
    """
)
_BURY = text(
    """
    INSERT INTO dead_letter (event_id, practice_id, topic, kafka_partition, kafka_offset, key,
                             headers, value, reason, detail, died_at)
    SELECT event_id, practice_id, topic, kafka_partition, kafka_offset, key, headers, value,
           dead.reason, dead.detail, :now
    FROM inbox JOIN unnest(CAST(:event_ids AS uuid[]), CAST(:reasons AS text[]),
                           CAST(:details AS text[])) AS dead (event_id, reason, detail)
      USING (event_id)
    ON CONFLICT (event_id) DO UPDATE
      SET reason = excluded.reason, detail = excluded.detail, died_at = excluded.died_at,
          copied_at = NULL
    """
)
_SET_OFFSETS = text(
    """
    INSERT INTO topic_offset AS o (reader, topic, kafka_partition, next_offset)
    SELECT :reader, topic, kafka_partition, next_offset
    FROM unnest(CAST(:topics AS text[]), CAST(:partitions AS integer[]),
                CAST(:offsets AS bigint[])) AS read (topic, kafka_partition, next_offset)
    ORDER BY topic, kafka_partition
    ON CONFLICT (reader, topic, kafka_partition)
      DO UPDATE SET next_offset = greatest(o.next_offset, excluded.next_offset)
    """
)


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of a batch: `new` + `repeats` + `conflicts` = records handed in.

    A conflict that was delivered before counts as a repeat.
    """

    new: int
    repeats: int
    conflicts: int


@dataclass(slots=True)
class _Row:
    """A record on its way into the inbox; `problem` is (reason, detail) of one that is dead."""

    event_id: UUID
    envelope: Envelope
    record: RawRecord
    deliveries: int = 1
    problem: tuple[str, str] | None = None

    @property
    def content(self) -> tuple[object, ...]:
        """What two deliveries of the same event must share."""
        head = self.envelope
        digest = hashlib.sha256(self.record.value or b"").hexdigest()
        sequence = None if self.problem else head.sequence
        return (head.practice_id, head.source, head.subject, sequence, head.type, digest)


async def store(
    connection: AsyncConnection, records: Sequence[RawRecord], *, now: datetime, via: Via
) -> Stored:
    """Store a batch and each partition's next offset, in the open transaction (system scope).

    A record known already only counts a delivery more. A record under a known id with other
    content, and one whose headers are unreadable, is kept as a dead letter under an id derived
    from its place and bytes. Nothing in a record can make this fail; only the database can.
    """
    first: dict[UUID, _Row] = {}
    conflicts: dict[UUID, _Row] = {}
    for row in map(_row, records):
        _merge(row, first, conflicts)
    inserted = await _insert(connection, first, now=now, via=via)
    for row in await _count_repeats(connection, first.keys() - inserted, first):
        _add(_as_conflict(row), conflicts)
    inserted_conflicts = await _insert(connection, conflicts, now=now, via=via)
    await _count_repeats(connection, conflicts.keys() - inserted_conflicts, conflicts)
    dead = [
        (event_id, *row.problem)
        for rows, fresh in ((first, inserted), (conflicts, inserted_conflicts))
        for event_id, row in rows.items()
        if row.problem and event_id in fresh
    ]
    await bury(connection, dead, now=now)
    await advance_offsets(connection, records, reader=via)
    return Stored(
        new=len(inserted),
        repeats=len(records) - len(inserted) - len(inserted_conflicts),
        conflicts=len(inserted_conflicts),
    )


async def bury(
    connection: AsyncConnection, dead: Sequence[tuple[UUID, str, str]], *, now: datetime
) -> None:
    """Copy inbox rows to the dead letters; each item is (event id, reason code, detail).

    An event that dies again after a replay replaces its letter and is copied to the topic again.
    """
    if dead:
        await connection.execute(
            _BURY,
            {
                "event_ids": [item[0] for item in dead],
                "reasons": [item[1] for item in dead],
                "details": [item[2] for item in dead],
                "now": now,
            },
        )


async def advance_offsets(
    connection: AsyncConnection, records: Iterable[RawRecord], *, reader: Via
) -> None:
    """Note for each partition that everything up to the last of these records is stored."""
    following: dict[tuple[str, int], int] = {}
    for record in records:
        place = (record.topic, record.partition)
        following[place] = max(following.get(place, 0), record.offset + 1)
    if following:
        await connection.execute(
            _SET_OFFSETS,
            {
                "reader": reader,
                "topics": [topic for topic, _ in following],
                "partitions": [partition for _, partition in following],
                "offsets": list(following.values()),
            },
        )


def identity(record: RawRecord) -> UUID:
    """Return the id under which a record is stored, if its id is not taken by other content."""
    return _row(record).event_id


def headers_to_json(headers: Mapping[str, bytes]) -> str:
    """Write headers as JSON that PostgreSQL takes: text where it is text, else base64."""
    return json.dumps({_storable(name): _header_value(value) for name, value in headers.items()})


def headers_from_json(stored: Mapping[str, Any]) -> dict[str, bytes]:
    """Read back what `headers_to_json` wrote."""
    return {
        name: value.encode() if isinstance(value, str) else base64.b64decode(value["base64"])
        for name, value in stored.items()
    }


def _row(record: RawRecord) -> _Row:
    envelope = read_envelope(record.headers)
    if not envelope.unreadable and envelope.event_id is not None:
        return _Row(envelope.event_id, envelope, record)
    missing = ", ".join(envelope.unreadable)
    return _Row(_own_id(record), envelope, record, problem=(UNREADABLE, f"unreadable: {missing}"))


def _as_conflict(row: _Row) -> _Row:
    detail = "the event's id is known with other content; the first content stays"
    return _Row(
        _own_id(row.record), row.envelope, row.record, row.deliveries, problem=(CONFLICT, detail)
    )


def _own_id(record: RawRecord) -> UUID:
    """The bytes count too: a broker whose data were lost gives the same offsets out again."""
    digest = hashlib.sha256(record.value or b"")
    digest.update(headers_to_json(record.headers).encode())
    return derived_id(record.topic, record.partition, record.offset, digest.hexdigest())


def _merge(row: _Row, first: dict[UUID, _Row], conflicts: dict[UUID, _Row]) -> None:
    """Let a statement carry each id once: the first of a batch stays, others count or conflict."""
    known = first.get(row.event_id)
    if known is None or known.content == row.content:
        _add(row, first)
    else:
        _add(_as_conflict(row), conflicts)


def _add(row: _Row, rows: dict[UUID, _Row]) -> None:
    known = rows.setdefault(row.event_id, row)
    if known is not row:
        known.deliveries += row.deliveries


async def _insert(
    connection: AsyncConnection, rows: Mapping[UUID, _Row], *, now: datetime, via: Via
) -> set[UUID]:
    """Insert the rows whose ids are new, and return those ids."""
    if not rows:
        return set()
    parameters = {**_columns(list(rows.values())), "now": now, "via": via}
    result = await connection.execute(_INSERT, parameters)
    return {found.event_id for found in result}


async def _count_repeats(
    connection: AsyncConnection, known: AbstractSet[UUID], rows: Mapping[UUID, _Row]
) -> list[_Row]:
    """Count one more delivery of each known event; return the rows whose content differs."""
    if not known:
        return []
    event_ids = sorted(known)
    result = await connection.execute(
        _COUNT_REPEATS,
        {"event_ids": event_ids, "deliveries": [rows[each].deliveries for each in event_ids]},
    )
    stored = {
        found.event_id: (
            found.practice_id,
            found.source,
            found.subject,
            found.sequence,
            found.type,
            found.sha256,
        )
        for found in result
    }
    return [rows[each] for each in event_ids if stored.get(each) != rows[each].content]


def _columns(rows: Sequence[_Row]) -> dict[str, list[Any]]:
    heads = [row.envelope for row in rows]
    records = [row.record for row in rows]
    return {
        "event_ids": [row.event_id for row in rows],
        "practices": [head.practice_id for head in heads],
        "sources": [head.source for head in heads],
        "subjects": [head.subject for head in heads],
        "sequences": [None if row.problem else row.envelope.sequence for row in rows],
        "types": [head.type for head in heads],
        "topics": [record.topic for record in records],
        "partitions": [record.partition for record in records],
        "offsets": [record.offset for record in records],
        "keys": [record.key for record in records],
        "headers": [headers_to_json(record.headers) for record in records],
        "values": [record.value for record in records],
        "statuses": ["dead" if row.problem else "pending" for row in rows],
        "reasons": [row.problem[0] if row.problem else None for row in rows],
        "deliveries": [row.deliveries for row in rows],
    }


def _header_value(value: bytes) -> str | dict[str, str]:
    try:
        decoded = value.decode("utf-8")
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(value).decode("ascii")}
    if "\x00" in decoded:
        return {"base64": base64.b64encode(value).decode("ascii")}
    return decoded


def _storable(name: str) -> str:
    """PostgreSQL's JSON takes neither NUL nor lone surrogates."""
    return name.replace("\x00", "\ufffd").encode("utf-8", "replace").decode("utf-8")
