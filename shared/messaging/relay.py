"""Brings committed outbox rows to the broker, in order per aggregate, at least once.

One relay per database is active: it holds a session-level advisory lock on a connection of its
own, and reads and marks through that very connection, so that losing the lock means losing the
ability to mark. Rows go out in waves, at most one row per subject in a wave: a row is sent only
after its predecessor was acknowledged, so a failure can hold back its own subject and nothing else,
whatever the broker does with batches. A crash between publishing and marking leads to a duplicate,
which the inbox meets.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.db.engine import Database, is_transient, set_scope
from shared.db.scope import Scope
from shared.kernel.clock import Clock
from shared.kernel.errors import ContractError, TransientError
from shared.messaging.codec import encode
from shared.messaging.dead_letter_copies import copy_dead_letters
from shared.messaging.events import OutgoingEvent
from shared.messaging.producer import Delivery, Outgoing, Producer
from shared.messaging.stopping import FINISH_SECONDS, unless_stopped
from shared.messaging.topics import pause

_LOG = logging.getLogger(__name__)
_LOCK = 7_212_026_101
BATCH = 500
IDLE_SECONDS = (0.02, 0.1)
HOLD_SECONDS = (0.2, 30.0)
AWAY_SECONDS = (0.2, 5.0)
STANDBY_SECONDS = 1.0
_COPY_EVERY_SECONDS = 0.5

_UNPUBLISHED = text(
    """
    SELECT position, event_id, practice_id, topic, subject, sequence, type, version, body,
           correlation_id, causation_id, traceparent, occurred_at
    FROM outbox
    WHERE published_at IS NULL AND subject <> ALL (CAST(:held AS uuid[]))
    ORDER BY position
    LIMIT :batch
    """
)
_MARK_PUBLISHED = text(
    """
    UPDATE outbox SET published_at = :now, attempts = attempts + 1, last_error = NULL
    WHERE position = ANY (CAST(:positions AS bigint[]))
    """
)
_MARK_FAILED = text(
    """
    UPDATE outbox SET attempts = attempts + 1, last_error = failed.error
    FROM unnest(CAST(:positions AS bigint[]), CAST(:errors AS text[])) AS failed (position, error)
    WHERE outbox.position = failed.position
    """
)


@dataclass(slots=True)
class _Hold:
    """A subject that is held back until a point of the monotonic clock."""

    tries: int = 0
    until: float = 0.0


@dataclass(slots=True)
class _Outcome:
    published: list[int] = field(default_factory=list)
    failed: dict[int, tuple[OutgoingEvent, str]] = field(default_factory=dict)
    stuck: set[UUID] = field(default_factory=set)
    unanswered: bool = False

    def fail(self, row: OutgoingEvent, error: str) -> None:
        self.stuck.add(row.subject)
        self.failed[row.position] = (row, error)

    @property
    def is_outage(self) -> bool:
        """Nothing at all got through: the broker is at fault, not the rows."""
        return self.unanswered and not self.published


class BrokerAwayError(TransientError):
    """The broker takes nothing at the moment."""


class Relay:
    """Publishes one database's outbox and copies its dead letters to their topics."""

    def __init__(
        self, *, service: str, database: Database, producer: Producer, clock: Clock
    ) -> None:
        self._service = service
        self._database = database
        self._producer = producer
        self._clock = clock
        self._held: dict[UUID, _Hold] = {}
        self._active = False
        self._copied_at = 0.0

    @property
    def is_active(self) -> bool:
        """Whether this relay holds the lock; the others stand by."""
        return self._active

    def is_ready(self) -> bool:
        """Whether the broker took the last thing that was sent, if anything was."""
        return self._producer.is_healthy()

    async def run(self, stop: asyncio.Event) -> None:
        """Publish until `stop` is set; wait out a database or broker that is away.

        A batch in hand has a few seconds to end. One that is cut off goes out again at the next
        start: the inbox meets the repeats.
        """
        try:
            while not stop.is_set():
                try:
                    await unless_stopped(
                        self._hold_the_lock(stop), stop=stop, finish_seconds=FINISH_SECONDS
                    )
                except (TransientError, TimeoutError, DBAPIError, OSError) as error:
                    if not isinstance(error, TransientError) and not is_transient(error):
                        raise
                    _LOG.warning(
                        "the relay lost its database connection, trying again",
                        extra={"error": type(error).__name__},
                    )
                await pause(stop, STANDBY_SECONDS * random.uniform(0.5, 1.0))  # noqa: S311
        finally:
            await self._producer.close()

    async def _hold_the_lock(self, stop: asyncio.Event) -> None:
        async with self._own_connection() as connection:
            async with connection.begin():
                query = text(f"SELECT pg_try_advisory_lock({_LOCK})")
                locked = (await connection.execute(query)).scalar_one()
            if not locked:
                return
            _LOG.info("this relay is the active one")
            self._active = True
            try:
                await self._publish_until(stop, connection)
            finally:
                self._active = False

    @asynccontextmanager
    async def _own_connection(self) -> AsyncIterator[AsyncConnection]:
        """Yield a connection that is closed for good afterwards: only that frees a session lock."""
        connection = await self._database.engine.connect()
        try:
            async with connection.begin():
                # Dead peers are noticed within half a minute, so that another relay may take over.
                await connection.execute(text("SET tcp_keepalives_idle = 10"))
                await connection.execute(text("SET tcp_keepalives_interval = 5"))
                await connection.execute(text("SET tcp_keepalives_count = 3"))
            yield connection
        finally:
            await connection.invalidate()
            await connection.close()

    async def _publish_until(self, stop: asyncio.Event, connection: AsyncConnection) -> None:
        idle_seconds, away_seconds = IDLE_SECONDS[0], AWAY_SECONDS[0]
        while not stop.is_set():
            try:
                moved = await self.publish_once(connection) + await self._copy(connection)
            except BrokerAwayError:
                _LOG.warning(
                    "the broker is away; events stay in the outbox",
                    extra={"retry_in_seconds": round(away_seconds, 1)},
                )
                await pause(stop, away_seconds * random.uniform(0.8, 1.2))  # noqa: S311 - jitter
                away_seconds = min(away_seconds * 2, AWAY_SECONDS[1])
                continue
            away_seconds = AWAY_SECONDS[0]
            idle_seconds = IDLE_SECONDS[0] if moved else min(idle_seconds * 1.5, IDLE_SECONDS[1])
            if not moved:
                await pause(stop, idle_seconds)

    async def _copy(self, connection: AsyncConnection) -> int:
        if time.monotonic() - self._copied_at < _COPY_EVERY_SECONDS:
            return 0
        self._copied_at = time.monotonic()
        return await copy_dead_letters(
            connection, self._producer, service=self._service, now=self._clock.now()
        )

    async def publish_once(self, connection: AsyncConnection) -> int:
        """Publish and mark one batch; return how many rows the broker acknowledged.

        Raises:
            BrokerAwayError: nothing got through; no row is to blame.
            DBAPIError: the database refused; whatever was published stays unmarked and goes again.
        """
        rows = await self._unpublished(connection)
        if not rows:
            return 0
        outcome = await self._publish(rows)
        if outcome.is_outage:
            raise BrokerAwayError("the broker acknowledged nothing")
        for row, error in outcome.failed.values():
            self._hold_back(row, error)
        async with connection.begin():
            await set_scope(connection, Scope.everything())
            await self._mark(connection, outcome)
        self._release(rows, outcome)
        return len(outcome.published)

    async def _unpublished(self, connection: AsyncConnection) -> list[OutgoingEvent]:
        now = time.monotonic()
        held = [subject for subject, hold in self._held.items() if hold.until > now]
        async with connection.begin():
            await set_scope(connection, Scope.everything())
            result = await connection.execute(_UNPUBLISHED, {"held": held, "batch": BATCH})
            return [OutgoingEvent(*row) for row in result]

    async def _publish(self, rows: Sequence[OutgoingEvent]) -> _Outcome:
        outcome = _Outcome()
        for wave in _waves(rows):
            due = [row for row in wave if row.subject not in outcome.stuck]
            ready: list[tuple[OutgoingEvent, Outgoing]] = []
            for row in due:
                try:
                    ready.append((row, _outgoing(row)))
                except ContractError as error:
                    outcome.fail(row, str(error))
            deliveries = await self._producer.send_all([outgoing for _, outgoing in ready])
            for (row, _), delivery in zip(ready, deliveries, strict=True):
                if delivery is Delivery.OK:
                    outcome.published.append(row.position)
                else:
                    outcome.fail(row, delivery.reason)
                    outcome.unanswered |= delivery is Delivery.FAILED
            if outcome.is_outage:
                break
        return outcome

    def _hold_back(self, row: OutgoingEvent, error: str) -> None:
        hold = self._held.setdefault(row.subject, _Hold())
        hold.tries += 1
        seconds = min(HOLD_SECONDS[0] * 2 ** min(hold.tries - 1, 20), HOLD_SECONDS[1])
        hold.until = time.monotonic() + seconds * random.uniform(0.8, 1.2)  # noqa: S311 - jitter
        _LOG.warning(
            "an event could not be published; its subject's later events wait",
            extra={"event_id": str(row.event_id), "error": error, "tries": hold.tries},
        )

    def _release(self, rows: Sequence[OutgoingEvent], outcome: _Outcome) -> None:
        for row in rows:
            if row.subject not in outcome.stuck:
                self._held.pop(row.subject, None)

    async def _mark(self, connection: AsyncConnection, outcome: _Outcome) -> None:
        if outcome.published:
            await connection.execute(
                _MARK_PUBLISHED, {"now": self._clock.now(), "positions": outcome.published}
            )
        if outcome.failed:
            await connection.execute(
                _MARK_FAILED,
                {
                    "positions": list(outcome.failed),
                    "errors": [error for _, error in outcome.failed.values()],
                },
            )


def _waves(rows: Sequence[OutgoingEvent]) -> list[list[OutgoingEvent]]:
    """Split rows so that wave n holds the nth row of each subject, in position order."""
    seen: dict[UUID, int] = {}
    waves: list[list[OutgoingEvent]] = []
    for row in rows:
        place = seen.get(row.subject, 0)
        seen[row.subject] = place + 1
        if place == len(waves):
            waves.append([])
        waves[place].append(row)
    return waves


def _outgoing(row: OutgoingEvent) -> Outgoing:
    encoded = encode(row)
    return Outgoing(row.topic, encoded.key, encoded.value, encoded.headers)
