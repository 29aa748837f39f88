"""A task of the queue: prepare an order of one contract without a person waiting for it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from services.orders.domain.notices import Notice
from services.orders.domain.selection import Rule
from shared.kernel.errors import DomainError
from shared.kernel.ids import ContractId, OrderId, PracticeId
from shared.kernel.money import Money

TRIES_MAX = 8
REST_OF_AN_ORDER = "rest-of-an-order"
"""Who asks for what an order leaves that was taken back for one of its invoices."""
_FIRST_WAIT = timedelta(seconds=10)


class TaskStatus(StrEnum):
    """What came of a task."""

    WAITING = "waiting"
    PREPARED = "prepared"
    NOTHING_TO_ORDER = "nothing-to-order"
    BELOW_MINIMUM = "below-minimum"
    IN_FLIGHT = "in-flight"
    FAILED = "failed"


_BY_CODE = {
    "nothing-to-order": TaskStatus.NOTHING_TO_ORDER,
    "below-minimum": TaskStatus.BELOW_MINIMUM,
    "order-in-flight": TaskStatus.IN_FLIGHT,
}


@dataclass(frozen=True, slots=True)
class DueTask:
    """A task whose time has come."""

    task_id: UUID
    practice_id: PracticeId


@dataclass(frozen=True, slots=True)
class Task:
    """One contract of a batch, or one slot of a schedule.

    Attributes:
        batch_id: what was asked for together.
        slot: the moment of the schedule that it stands for; None: a person asked.
        instead_of: the order that was taken back for some of its invoices; the others of it, and
            nothing else, are to be prepared.
        order_id: of the order that was prepared, or that was in the way.
        code, detail: why it did not come to an order.
    """

    task_id: UUID
    batch_id: UUID
    practice_id: PracticeId
    contract_id: ContractId
    asked_by: str
    asked_at: datetime
    next_try_at: datetime
    communication: str = ""
    notices: tuple[Notice, ...] = ()
    rule: Rule | None = None
    minimum_total: Money | None = None
    slot: datetime | None = None
    instead_of: OrderId | None = None
    status: TaskStatus = TaskStatus.WAITING
    tries: int = 0
    order_id: OrderId | None = None
    code: str | None = None
    detail: str | None = None
    settled_at: datetime | None = None

    def prepared(self, order_id: OrderId, *, at: datetime) -> Task:
        """An order was prepared."""
        return replace(
            self, status=TaskStatus.PREPARED, order_id=order_id, settled_at=at, code=None
        )

    def refused(self, error: DomainError, *, at: datetime) -> Task:
        """A rule of the trade stands in the way; it is not tried again."""
        in_the_way = error.facts.get("order_id")
        return replace(
            self,
            status=_BY_CODE.get(error.code, TaskStatus.FAILED),
            code=error.code,
            detail=str(error),
            order_id=OrderId(UUID(str(in_the_way))) if in_the_way else None,
            settled_at=at,
        )

    def put_off(self, *, at: datetime) -> Task:
        """Something that passes stood in the way: later, with growing pauses, not for ever."""
        tries = self.tries + 1
        later = replace(
            self,
            tries=tries,
            next_try_at=at + _FIRST_WAIT * 2 ** (tries - 1),
            code="temporarily-unavailable",
            detail="Something that is needed did not answer.",
        )
        if tries < TRIES_MAX:
            return later
        return replace(later, status=TaskStatus.FAILED, settled_at=at)
