"""What the queue of exceptions is about: its items, what is reported to it, what persons add."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Self
from uuid import UUID

from shared.kernel.ids import derived_id
from shared.kernel.money import Money

ORDER_OVERDUE = "order-overdue"
ORDER_REFUSED = "order-refused"
ORDER_NOT_LEAVING = "order-not-leaving"
DEB_FILE_MISSING = "deb-file-missing"
PORTAL_UNREACHABLE = "portal-unreachable"
DEAD_LETTER = "dead-letter"

NOBODYS = UUID(int=0)
"""The practice of what belongs to none, where one must be named; no token is ever open to it."""

FOR_GOOD = 2**31 - 1
"""The round of an ending after which nothing can come."""


@dataclass(frozen=True, slots=True)
class ItemId:
    """The name of an item, the same as long as the world stands: its kind and what it is about."""

    kind: str
    key: UUID

    def __str__(self) -> str:
        return f"{self.kind}.{self.key}"

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Return the id that this text is, or None."""
        kind, _, key = text.partition(".")
        try:
            found = cls(kind, UUID(key))
        except ValueError:
            return None
        return found if str(found) == text else None


@dataclass(frozen=True, slots=True)
class KnownItem:
    """What the commands of persons need to know of an item.

    Attributes:
        practice_ids: whose it is; None: the system's alone.
        kept_as: under which name persons' additions to it are kept.
        is_open: whether it is in the queue.
        may_be_closed: whether a person may end it, without its cause being dealt with.
    """

    item: ItemId
    kept_as: ItemId
    practice_ids: frozenset[UUID] | None
    is_open: bool
    may_be_closed: bool


@dataclass(frozen=True, slots=True)
class Report:
    """What another service says is wrong.

    Attributes:
        round: counts the times; a later one takes the place of an earlier one, never the reverse.
        reason_code: of the reporting service.
        detail: in plain words.
        amount: what is at stake; None where no sum can be told.
        service, event_id: of a dead letter, who could not work which event.
        may_have_left: whether an earlier sending of an order is or was in doubt.
        told_at: when it was told, where that may be later than `since`.
    """

    item: ItemId
    practice_id: UUID
    round: int
    since: datetime
    reason_code: str
    detail: str
    contract_id: UUID | None = None
    order_id: UUID | None = None
    order_number: str | None = None
    amount: Money | None = None
    service: str | None = None
    event_id: UUID | None = None
    may_have_left: bool = False
    told_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Ending:
    """What another service says has ended what was, or will yet be, reported.

    Attributes:
        round: the last round that it ends; FOR_GOOD: every one.
        because: in plain words.
        by: the person; None: it ended by itself.
    """

    item: ItemId
    practice_id: UUID
    round: int
    at: datetime
    because: str
    by: str | None = None


@dataclass(frozen=True, slots=True)
class HistoryEvent:
    """One line of an item's history.

    Attributes:
        event: opened, assigned, noted, changed (open for another reason), reopened, resolved or
            closed.
        by: the person; None: it happened by itself.
        why: the note or the reason; empty where there is none.
        assignee: to whom it was assigned; None else, or where it was taken from somebody.
    """

    event: str
    at: datetime
    by: str | None
    why: str
    assignee: str | None = None


def outage_item(outage_id: UUID, practice_id: UUID) -> ItemId:
    """Return the item of an outage for one practice; the outage is told to each."""
    return ItemId(PORTAL_UNREACHABLE, derived_id("outage", outage_id, practice_id))


def letter_item(service: str, letter_id: UUID) -> ItemId:
    """Return the item of another service's dead letter; an event may die in several services."""
    return ItemId(DEAD_LETTER, derived_id("dead-letter", service, letter_id))
