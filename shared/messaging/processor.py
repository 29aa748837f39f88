"""Works the inbox: per aggregate in sequence order, the effect and its record in one transaction.

It knows no Kafka. Several processors may run at once: an aggregate, (source, subject), is claimed
by an advisory lock that ends with the transaction. A batch of aggregates shares a transaction;
where one event fails, the batch is done again with a savepoint per event, and where the commit
fails, event by event, so that a failure is always charged to the event that caused it. Where the
connection itself is lost, nothing of the batch can be told apart any more: the next rounds take one
event each, and one that loses its connection alone, while a fresh one works, is charged a try.

Before it is worked or passed over, an event must show that it belongs where it lies: from a
producer of its topic, with a number that no other event of its aggregate had, in a sound envelope.

An event that died (dead letter) holds back the later events of its own aggregate until a person
replays or drops it: an acquittal must not overtake the event that it builds on. Other aggregates
go on.
"""

from __future__ import annotations

import asyncio
import logging
import random
import traceback
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.contracts.envelope import EventPayload
from shared.db.engine import Database, set_scope
from shared.db.scope import Scope
from shared.kernel.clock import Clock
from shared.kernel.context import WorkContext, working_on
from shared.kernel.errors import ContractError, QuittanceError, TooEarlyError, TransientError
from shared.messaging.codec import check_envelope, decode
from shared.messaging.events import EventHandler, Subscription
from shared.messaging.topics import pause
from shared.messaging.verdicts import (
    InboxRow,
    Policy,
    Verdict,
    verdict_on_error,
    verdict_on_lost_connection,
    verdict_on_origin,
)
from shared.messaging.worklist import Aggregate, Progress, claim, write

_LOG = logging.getLogger(__name__)
IDLE_SECONDS = (0.02, 0.1)
AWAY_SECONDS = (0.2, 5.0)


class _EventFailedError(Exception):
    """An event of a swift round failed: nothing of the round counts, it is done again with care."""


class Processor:
    """Calls a service's handlers for the events that it subscribed to.

    Raises:
        ValueError: two subscriptions name the same contract.
    """

    def __init__(
        self,
        *,
        database: Database,
        subscriptions: Sequence[Subscription[Any]],
        clock: Clock,
        policy: Policy | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._policy = policy or Policy()
        self._handlers: dict[type[EventPayload], EventHandler[Any]] = {
            each.payload_type: each.handler for each in subscriptions
        }
        if len(self._handlers) != len(subscriptions):
            raise ValueError("two subscriptions name the same contract")
        self._types = {contract.TYPE for contract in self._handlers}
        self._alone_left = 0

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set; wait out a database that is away."""
        idle_seconds, away_seconds = IDLE_SECONDS[0], AWAY_SECONDS[0]
        while not stop.is_set():
            try:
                worked = await self.step()
            except TransientError:
                _LOG.warning(
                    "the inbox cannot be worked now, trying again",
                    extra={"retry_in_seconds": round(away_seconds, 1)},
                )
                await pause(stop, away_seconds * random.uniform(0.8, 1.2))  # noqa: S311 - jitter
                away_seconds = min(away_seconds * 2, AWAY_SECONDS[1])
                continue
            away_seconds = AWAY_SECONDS[0]
            idle_seconds = IDLE_SECONDS[0] if worked else min(idle_seconds * 1.5, IDLE_SECONDS[1])
            if not worked:
                await pause(stop, idle_seconds)

    async def step(self) -> int:
        """Work one batch of due aggregates; return how many were looked at, 0 if none was due.

        After a batch whose connection was lost, as many steps as it had events work one each.

        Raises:
            TransientError: the database is away, or the batch lost its connection; nothing was
                recorded.
        """
        if self._alone_left:
            worked = await self._single_round()
            self._alone_left = self._alone_left - 1 if worked else 0
            return worked
        try:
            return await self._round(with_savepoints=False)
        except TransientError:
            raise
        except (_EventFailedError, DBAPIError, QuittanceError) as error:
            _LOG.debug("a batch goes again with care", extra={"error": type(error).__name__})
        try:
            return await self._round(with_savepoints=True)
        except TransientError:
            raise
        except (DBAPIError, QuittanceError) as error:
            _LOG.warning("a commit failed, one by one", extra={"error": type(error).__name__})
        return await self._single_round()

    async def drain(self, *, steps_max: int = 10_000) -> int:
        """Work until nothing is due; return how many steps that took (for tests and replays).

        Raises:
            TransientError: something was still due after `steps_max` steps.
        """
        for steps in range(steps_max):
            if not await self.step():
                return steps
        raise TransientError(f"the inbox was not empty after {steps_max} steps")

    async def _round(self, *, with_savepoints: bool) -> int:
        aggregates: list[Aggregate] = []
        try:
            async with self._database.transaction(Scope.everything()) as connection:
                now = self._clock.now()
                aggregates = await claim(connection, now=now, policy=self._policy)
                if not aggregates:
                    return 0
                worker = _Worker(self, connection, with_savepoints=with_savepoints)
                progress = [await worker.work(aggregate) for aggregate in aggregates]
                await set_scope(connection, Scope.everything())
                await write(connection, progress, now=now, policy=self._policy)
        except TransientError:
            # Nothing tells which event it was, and the same batch would be lost again.
            self._alone_left = sum(len(aggregate.rows) for aggregate in aggregates)
            raise
        return len(aggregates)

    async def _single_round(self) -> int:
        """Work one event in a transaction of its own; charge its failure to that event.

        Raises:
            TransientError: the database is away: no fresh connection could record the failure.
        """
        policy = replace(self._policy, aggregates_max=1, events_per_aggregate_max=1, events_max=1)
        aggregates: list[Aggregate] = []
        worker: _Worker | None = None
        try:
            async with self._database.transaction(Scope.everything()) as connection:
                now = self._clock.now()
                aggregates = await claim(connection, now=now, policy=policy)
                worker = _Worker(self, connection, with_savepoints=True)
                progress = [await worker.work(aggregate) for aggregate in aggregates]
                await set_scope(connection, Scope.everything())
                await write(connection, progress, now=now, policy=policy)
        except (DBAPIError, QuittanceError) as error:
            if worker is None or worker.in_hand is None:
                raise
            await self._charge(aggregates[0], worker.in_hand, error)
        return len(aggregates)

    async def _charge(self, aggregate: Aggregate, row: InboxRow, error: Exception) -> None:
        """Record, on a fresh connection, that the aggregate's first event cannot be committed."""
        now = self._clock.now()
        if isinstance(error, TransientError):
            verdict = verdict_on_lost_connection(row, self._policy, now)
        else:
            verdict = verdict_on_error(row, error, self._policy, now)
        progress = Progress(aggregate, last=aggregate.last_sequence, blocked_after=row.sequence)
        progress.verdicts.append(verdict)
        async with self._database.transaction(Scope.everything()) as connection:
            await write(connection, [progress], now=now, policy=self._policy)
        _log_failure(row, error)

    async def handle(self, row: InboxRow, connection: AsyncConnection) -> None:
        """Decode one row and call its handler, in the open transaction and scope.

        Raises:
            ContractError: the row does not decode, or its version is not listened to.
            Exception: whatever the handler raises.
        """
        event = decode(row.record)
        handler = self._handlers.get(type(event.payload))
        if handler is None:
            raise ContractError("dataschema: this version of the type is not listened to")
        context = WorkContext(
            correlation_id=event.correlation_id,
            causation_id=str(event.event_id),
            traceparent=event.traceparent,
        )
        with working_on(context):
            await handler(event, connection)

    def listens_to(self, type_name: str) -> bool:
        """Whether any version of this event type is subscribed to."""
        return type_name in self._types

    def verdict_on_error(self, row: InboxRow, error: Exception) -> Verdict:
        """Say what must happen next with a row whose handler raised."""
        return verdict_on_error(row, error, self._policy, self._clock.now())

    def is_due(self, row: InboxRow) -> bool:
        """Whether a row that heads its aggregate may be tried now.

        One that only waited for its predecessor may at once; one that failed or was too early has
        its own time.
        """
        if row.status == "waiting" and row.waits_for is None:
            return True
        return row.next_try_at <= self._clock.now()


class _Worker:
    """Works the aggregates of one round on its connection."""

    def __init__(
        self, processor: Processor, connection: AsyncConnection, *, with_savepoints: bool
    ) -> None:
        self._processor = processor
        self._connection = connection
        self._with_savepoints = with_savepoints
        self._scope = Scope.everything()
        self.in_hand: InboxRow | None = None

    async def work(self, aggregate: Aggregate) -> Progress:
        """Work an aggregate's rows in order, as far as they go."""
        progress = Progress(aggregate, last=aggregate.last_sequence)
        for row in aggregate.rows:
            misplaced = verdict_on_origin(row, last_sequence=progress.last)
            if misplaced is not None:
                # It has no place in this order, so nothing of the order waits for it.
                _LOG.error(
                    "an event does not belong where it lies",
                    extra={"event_id": str(row.event_id), "reason": misplaced.reason},
                )
                progress.verdicts.append(misplaced)
                continue
            if row.sequence > progress.last + 1:
                progress.blocked_after = progress.last
                break
            if not self._processor.is_due(row):
                progress.blocked_after = row.sequence
                break
            verdict = await self._verdict(row)
            progress.verdicts.append(verdict)
            if not verdict.moves_cursor:
                progress.blocked_after = row.sequence
                break
            progress.last, progress.practice_id = row.sequence, row.practice_id
        return progress

    async def _verdict(self, row: InboxRow) -> Verdict:
        if not self._processor.listens_to(row.type):
            return _pass_over(row)
        self.in_hand = row
        await self._enter(Scope.of(row.practice_id))
        try:
            if self._with_savepoints:
                async with self._connection.begin_nested():
                    await self._processor.handle(row, self._connection)
            else:
                await self._processor.handle(row, self._connection)
        except Exception as error:
            if self._connection.invalidated or self._connection.closed:
                raise TransientError("the connection was lost while an event was worked") from error
            if not self._with_savepoints:
                raise _EventFailedError from error
            _log_failure(row, error)
            return self._processor.verdict_on_error(row, error)
        return Verdict(row, "done", tries=row.tries)

    async def _enter(self, scope: Scope) -> None:
        if scope != self._scope:
            await set_scope(self._connection, scope)
            self._scope = scope


def _pass_over(row: InboxRow) -> Verdict:
    """Let the cursor go past an event that nobody here listens to, if it is a sound one."""
    try:
        check_envelope(row.record)
    except ContractError as error:
        _log_failure(row, error)
        return Verdict(row, "dead", reason="contract", detail=str(error), tries=row.tries)
    return Verdict(row, "skipped", reason="not-listened-to")


def _log_failure(row: InboxRow, error: Exception) -> None:
    """Log where it failed, without the error's own words: they may quote the event's content."""
    facts = {
        "event_id": str(row.event_id),
        "type": row.type,
        "error": type(error).__name__,
        "tries": row.tries + 1,
    }
    if isinstance(error, TooEarlyError):
        _LOG.info("an event waits for what it needs", extra=facts | {"waits_for": error.waits_for})
    elif isinstance(error, QuittanceError):
        _LOG.warning("an event could not be worked", extra=facts)
    else:
        where = "".join(traceback.format_tb(error.__traceback__))
        _LOG.error("an event's handler failed unexpectedly", extra={**facts, "where": where})
