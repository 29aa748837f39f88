"""Copies dead letters to `<topic>-<consumer>-dlq`, and tells of them; the row stays the truth."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.db.engine import set_scope
from shared.db.scope import Scope
from shared.messaging.dead_letter_news import tell_dead
from shared.messaging.inbox import headers_from_json
from shared.messaging.producer import Delivery, Outgoing, Producer

_BATCH = 50
_UNCOPIED = text(
    """
    SELECT id, event_id, topic, kafka_partition, kafka_offset, key, headers, value, reason, died_at
    FROM dead_letter WHERE copied_at IS NULL ORDER BY id LIMIT :batch
    """
)
_MARK_COPIED = text(
    """
    UPDATE dead_letter SET copied_at = :now
    FROM unnest(CAST(:ids AS bigint[]), CAST(:deaths AS timestamptz[])) AS copied (id, died_at)
    WHERE dead_letter.id = copied.id AND dead_letter.died_at = copied.died_at
    RETURNING dead_letter.id
    """
)


async def copy_dead_letters(
    connection: AsyncConnection, producer: Producer, *, service: str, now: datetime
) -> int:
    """Copy what has not been copied yet; return how many copies the broker acknowledged.

    What is copied is told of as dead with the mark, in one transaction.
    At least once: a crash before the mark copies again. A letter too large with its new headers
    goes without its value.
    """
    async with connection.begin():
        await set_scope(connection, Scope.everything())
        rows = (await connection.execute(_UNCOPIED, {"batch": _BATCH})).all()
    if not rows:
        return 0
    answers = await producer.send_all([_copy(row, service, with_value=True) for row in rows])
    large = [row for row, answer in zip(rows, answers, strict=True) if answer is Delivery.TOO_LARGE]
    again = await producer.send_all([_copy(row, service, with_value=False) for row in large])
    copied = [row for row, answer in zip(rows, answers, strict=True) if answer is Delivery.OK]
    copied += [row for row, answer in zip(large, again, strict=True) if answer is Delivery.OK]
    if copied:
        async with connection.begin():
            await set_scope(connection, Scope.everything())
            marked = await connection.execute(
                _MARK_COPIED,
                {
                    "now": now,
                    "ids": [row.id for row in copied],
                    "deaths": [row.died_at for row in copied],
                },
            )
            await tell_dead(connection, [row.id for row in marked], service=service)
    return len(copied)


def _copy(row: Row[Any], service: str, *, with_value: bool) -> Outgoing:
    headers = list(headers_from_json(row.headers).items())
    headers += [
        ("reason", row.reason.encode()),
        ("consumer", service.encode()),
        ("original-topic", row.topic.encode()),
        ("original-partition", str(row.kafka_partition).encode()),
        ("original-offset", str(row.kafka_offset).encode()),
    ]
    if not with_value:
        headers.append(("value-omitted", b"too large for the broker"))
    key = row.key if row.key is not None else str(row.event_id).encode()
    return Outgoing(
        topic=f"{row.topic}-{service}-dlq",
        key=key,
        value=row.value if with_value else None,
        headers=headers,
    )
