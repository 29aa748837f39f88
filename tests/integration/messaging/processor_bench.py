"""A processor whose handler writes an effect and does what the test tells it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.contracts.debident.v1 import OrderSent
from shared.db import Database, Scope
from shared.messaging import inbox
from shared.messaging.events import RawRecord, ReceivedEvent, Subscription
from shared.messaging.processor import Processor
from shared.messaging.verdicts import Policy
from shared.testing import FrozenClock
from tests.integration.messaging.helpers import rows

Event = ReceivedEvent[OrderSent]
Interference = Callable[[Event], None]


class Bench:
    """A processor whose handler writes an effect and does what the test tells it first."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.clock = FrozenClock()
        self.before: Interference = lambda event: None
        self.note: str | None = None
        self.calls: list[tuple[UUID, int]] = []
        self.processor = self.another_processor()

    def another_processor(self, policy: Policy | None = None) -> Processor:
        subscriptions = [Subscription(OrderSent, self.handle)]
        return Processor(
            database=self.database, subscriptions=subscriptions, clock=self.clock, policy=policy
        )

    async def handle(self, event: Event, connection: AsyncConnection) -> None:
        self.calls.append((event.subject, event.sequence))
        await connection.execute(
            text(
                "INSERT INTO effect (subject, sequence, practice_id, note)"
                " VALUES (:s, :n, :p, :note)"
            ),
            {
                "s": event.subject,
                "n": event.sequence,
                "p": event.practice_id,
                "note": self.note,
            },
        )
        self.before(event)

    async def receive(self, *records: RawRecord) -> None:
        async with self.database.transaction(Scope.everything()) as connection:
            await inbox.store(connection, records, now=self.clock.now(), via="ingest")

    async def effects(self) -> list[tuple[UUID, int]]:
        found = await rows(self.database, "SELECT subject, sequence FROM effect ORDER BY id")
        return [(row.subject, row.sequence) for row in found]

    async def statuses(self) -> list[tuple[int, str]]:
        found = await rows(
            self.database, "SELECT sequence, status FROM inbox ORDER BY subject, sequence"
        )
        return [(row.sequence, row.status) for row in found]

    def pass_seconds(self, seconds: float) -> None:
        self.clock.advance(timedelta(seconds=seconds))


def fails_for(subject: UUID, error: Exception, *, times: int = 10**6) -> Interference:
    """Let the handler raise for one aggregate, so many times."""
    left = [times]

    def interfere(event: Event) -> None:
        if event.subject == subject and left[0] > 0:
            left[0] -= 1
            raise error

    return interfere
