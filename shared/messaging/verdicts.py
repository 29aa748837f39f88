"""What became of an inbox row, and how an error decides that."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.exc import DBAPIError

from shared.contracts.topics import TOPICS_BY_NAME
from shared.db.engine import is_transient
from shared.kernel.errors import (
    ContractError,
    DomainError,
    PermanentError,
    TooEarlyError,
    TransientError,
)
from shared.messaging.events import RawRecord

FOREIGN_SOURCE = "foreign-source"
CONFLICTING_SEQUENCE = "conflicting-sequence"
OUT_OF_ORDER = frozenset({FOREIGN_SOURCE, CONFLICTING_SEQUENCE})
"""Reasons of dead letters that have no place in their aggregate's order."""
_WORDS_MAX = 500


@dataclass(frozen=True, slots=True)
class Policy:
    """Limits of the processor.

    Attributes:
        aggregates_max, events_per_aggregate_max, events_max: bounds of one batch.
        transient_tries_max: tries after which a passing error is no longer believed to pass.
        unexpected_tries_max: tries after which an error nobody foresaw is taken for a bug.
        backoff_seconds: first and longest wait after a failed try; doubles in between.
        recheck_seconds: first and longest wait of an event that is too early and was not woken.
    """

    aggregates_max: int = 100
    events_per_aggregate_max: int = 20
    events_max: int = 400
    transient_tries_max: int = 20
    unexpected_tries_max: int = 5
    backoff_seconds: tuple[float, float] = (0.5, 300.0)
    recheck_seconds: tuple[float, float] = (1.0, 60.0)

    def next_try_at(self, now: datetime, *, tries: int) -> datetime:
        """Return when to try again after so many failures: exponential, with jitter."""
        first, longest = self.backoff_seconds
        seconds = min(first * 2 ** min(tries - 1, 30), longest)
        return now + timedelta(seconds=seconds * random.uniform(0.5, 1.0))  # noqa: S311 - jitter

    def recheck_at(self, now: datetime, *, received_at: datetime) -> datetime:
        """Return when to look again at an event that waits: each wait is as long as all before."""
        first, longest = self.recheck_seconds
        age = (now - received_at).total_seconds()
        return now + timedelta(seconds=min(max(age, first), longest))


@dataclass(frozen=True, slots=True)
class InboxRow:
    """An open inbox row, as the processor works it."""

    position: int
    event_id: UUID
    source: str
    subject: str
    sequence: int
    type: str
    practice_id: UUID
    topic: str
    partition: int
    offset: int
    key: bytes | None
    headers: dict[str, bytes] = field(repr=False)
    value: bytes | None = field(repr=False)
    status: str
    waits_for: str | None
    tries: int
    next_try_at: datetime
    received_at: datetime

    @property
    def record(self) -> RawRecord:
        """The Kafka record that the row was stored from."""
        return RawRecord(
            self.topic, self.partition, self.offset, self.key, self.value, self.headers
        )


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one row.

    Attributes:
        status: 'done' and 'skipped' end it; 'dead' ends it until a person acts; 'pending' tries
            again at `next_try_at`; 'waiting' does so too, or earlier when woken.
        reason: stable code, or the words of a too-early error.
        detail: for the dead letter: field and reason, never a value from the wire.
    """

    row: InboxRow
    status: str
    reason: str | None = None
    detail: str = ""
    waits_for: str | None = None
    tries: int = 0
    next_try_at: datetime | None = None

    @property
    def moves_cursor(self) -> bool:
        """Whether the aggregate goes on after this row."""
        return self.status in {"done", "skipped"}


def verdict_on_error(row: InboxRow, error: Exception, policy: Policy, now: datetime) -> Verdict:
    """Say what must happen next with a row whose handler raised."""
    if isinstance(error, TooEarlyError):
        return Verdict(
            row,
            "waiting",
            reason=_words(error),
            waits_for=error.waits_for,
            tries=row.tries,
            next_try_at=policy.recheck_at(now, received_at=row.received_at),
        )
    if isinstance(error, (ContractError, DomainError, PermanentError)):
        return Verdict(row, "dead", reason=_reason(error), detail=_words(error), tries=row.tries)
    if isinstance(error, TransientError):
        return _again(row, "transient", _words(error), policy.transient_tries_max, policy, now)
    name = type(error).__name__
    if isinstance(error, DBAPIError | OSError | TimeoutError) and is_transient(error):
        return _again(row, "transient", name, policy.transient_tries_max, policy, now)
    # The error's own words may quote what came over the wire, so only its kind is kept.
    return _again(row, "unexpected", name, policy.unexpected_tries_max, policy, now)


def verdict_on_lost_connection(row: InboxRow, policy: Policy, now: datetime) -> Verdict:
    """Say what must happen next with a row that loses its own connection, and no other does.

    The database answers others, so it is the row's handler (it idles, or gets itself cancelled).
    Each try holds the processor up for long, so there are few.
    """
    words = "the connection is lost whenever it is worked"
    return _again(row, "connection-lost", words, policy.unexpected_tries_max, policy, now)


def verdict_on_origin(row: InboxRow, *, last_sequence: int) -> Verdict | None:
    """Say that a row has no place in its aggregate's order, or None if it may have one.

    An event id is delivered often, but stored once: a second row with a number that was worked is
    another event, be it forged or from a producer that lost its counter.
    """
    topic = TOPICS_BY_NAME.get(row.topic)
    if topic is not None and row.source not in topic.producers:
        words = "source: is no producer of this topic"
        return Verdict(row, "dead", reason=FOREIGN_SOURCE, detail=words, tries=row.tries)
    if row.sequence <= last_sequence:
        words = "sequence: another event of the aggregate had this number"
        return Verdict(row, "dead", reason=CONFLICTING_SEQUENCE, detail=words, tries=row.tries)
    return None


def _again(
    row: InboxRow, kind: str, detail: str, tries_max: int, policy: Policy, now: datetime
) -> Verdict:
    tries = row.tries + 1
    if tries >= tries_max:
        return Verdict(row, "dead", reason=f"{kind}-too-often", detail=detail, tries=tries)
    when = policy.next_try_at(now, tries=tries)
    return Verdict(row, "pending", reason=f"{kind}: {detail}", tries=tries, next_try_at=when)


def _reason(error: ContractError | DomainError | PermanentError) -> str:
    if isinstance(error, DomainError):
        return error.code
    return "contract" if isinstance(error, ContractError) else "permanent"


def _words(error: Exception) -> str:
    return str(error)[:_WORDS_MAX].replace("\x00", "\ufffd") or type(error).__name__
