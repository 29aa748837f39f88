"""Tells of this service's dead letters through its outbox: that one is dead, and what was done.

Of a letter that was never told of as dead nothing else is told either. A service that has no event
for its letters (the one that has the queue of them) tells nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.contracts.dead_letters import BY_SERVICE, NOBODYS, DeadLetterChanged
from shared.kernel.ids import derived_id
from shared.messaging import outbox

_EVENTS = {(event.TYPE, event.VERSION): event for event in BY_SERVICE.values()}
_TEXT_MAX, _WHY_MAX = 200, 500
_NO_CODE = re.compile(r"[^a-z0-9_-]+")
# The lock lets a replay or a drop at this moment come before, so that it is not told of as dead,
# or after, so that it finds what was told.
_STILL_DEAD = text(
    """
    SELECT d.event_id, d.practice_id, d.reason, d.died_at, i.type, i.source
    FROM dead_letter d JOIN inbox i USING (event_id)
    WHERE d.id = ANY(CAST(:ids AS bigint[])) AND i.status = 'dead'
    ORDER BY d.id FOR SHARE OF i
    """
)
_LATEST = text(
    """
    SELECT DISTINCT ON (subject) subject, type, version, body FROM outbox
    WHERE subject = ANY(CAST(:letters AS uuid[])) ORDER BY subject, sequence DESC
    """
)


@dataclass(frozen=True, slots=True)
class Settling:
    """What was done about a letter, by whom and why; nobody: the command line does not say."""

    state: Literal["replayed", "dropped"]
    by: str | None = None
    why: str = ""


async def tell_dead(connection: AsyncConnection, ids: Sequence[int], *, service: str) -> None:
    """Tell of those of these rows of dead letters that are still dead (system scope)."""
    contract = BY_SERVICE.get(service)
    if contract is None:
        return
    rows = (await connection.execute(_STILL_DEAD, {"ids": list(ids)})).all()
    told = await _told(connection, [row.event_id for row in rows])
    for row in rows:
        before = told.get(_letter_id(row.event_id))
        payload = _of(contract, row, round_=1 if before is None else before.round + 1)
        await outbox.append(connection, [payload], occurred_at=row.died_at)


async def tell_settled(
    connection: AsyncConnection, event_ids: Sequence[UUID], settling: Settling, *, now: datetime
) -> None:
    """Tell what was done about letters that were told of as dead (system scope)."""
    told = await _told(connection, event_ids)
    changed = {
        "state": settling.state,
        "changed_at": now,
        "by": settling.by and settling.by[:_TEXT_MAX],
        "why": settling.why[:_WHY_MAX],
    }
    payloads = [one.model_copy(update=changed) for one in told.values() if one.state == "dead"]
    await outbox.append(connection, payloads, occurred_at=now)


async def _told(
    connection: AsyncConnection, event_ids: Sequence[UUID]
) -> dict[UUID, DeadLetterChanged]:
    """Return what was told last of each of these events' letters, by letter."""
    letters = [_letter_id(event_id) for event_id in event_ids]
    rows = await connection.execute(_LATEST, {"letters": letters})
    return {
        row.subject: _EVENTS[row.type, row.version].model_validate_json(row.body) for row in rows
    }


def _letter_id(event_id: UUID) -> UUID:
    return derived_id("dead-letter", event_id)


def _of(contract: type[DeadLetterChanged], row: Row[Any], *, round_: int) -> DeadLetterChanged:
    return contract(
        practice_id=row.practice_id or NOBODYS,
        letter_id=_letter_id(row.event_id),
        event_id=row.event_id,
        event_type=row.type[:_TEXT_MAX],
        event_source=row.source[:_TEXT_MAX],
        round=round_,
        state="dead",
        reason_code=_NO_CODE.sub("-", row.reason.lower()).strip("-_")[:64] or "unknown",
        changed_at=row.died_at,
    )
