"""A task of the queue: prepare an order of one contract without a person waiting for it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from uuid import UUID

from services.orders.domain.notices import Notice
from services.orders.domain.selection import Rule
from shared.kernel.clock import SWISS_TIME
from shared.kernel.errors import DomainError
from shared.kernel.ids import ContractId, OrderId, PracticeId
from shared.kernel.money import Money

TRIES_MAX = 8
REST_OF_AN_ORDER = "rest-of-an-order"
"""Who asks for what an order leaves that was taken back for one of its invoices."""
ORDER_IN_FLIGHT = "order-in-flight"
_FIRST_WAIT = timedelta(seconds=10)
_GATE_WAIT = timedelta(minutes=10)


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
    ORDER_IN_FLIGHT: TaskStatus.IN_FLIGHT,
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
        slot: the moment of the schedule that it stands for; None: a person asked. It waits for an
            order in flight until its Swiss day is over: the next slot may be a week away.
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
            self,
            status=TaskStatus.PREPARED,
            order_id=order_id,
            settled_at=at,
            code=None,
            detail=None,
        )

    def refused(self, error: DomainError, *, at: datetime) -> Task:
        """A rule of the trade stands in the way; it is not tried again.

        But a slot of the schedule waits for an order in flight as long as its day lasts.
        """
        in_the_way = error.facts.get("order_id")
        settled = replace(
            self,
            status=_BY_CODE.get(error.code, TaskStatus.FAILED),
            code=error.code,
            detail=str(error),
            order_id=OrderId(UUID(str(in_the_way))) if in_the_way else None,
            settled_at=at,
        )
        over = self._over_at()
        if settled.status is not TaskStatus.IN_FLIGHT or over is None or at >= over:
            return settled
        again = min(at + _GATE_WAIT, over)
        return replace(settled, status=TaskStatus.WAITING, settled_at=None, next_try_at=again)

    def missed(self, *, at: datetime) -> Task | None:
        """Return the task settled if an order was in flight until its day was over, or None."""
        over = self._over_at()
        if self.code != ORDER_IN_FLIGHT or over is None or at < over:
            return None
        return replace(self, status=TaskStatus.IN_FLIGHT, settled_at=at)

    def _over_at(self) -> datetime | None:
        """Return when the Swiss day of its slot is over, in UTC; None without a slot."""
        if self.slot is None:
            return None
        following = self.slot.astimezone(SWISS_TIME).date() + timedelta(days=1)
        return datetime.combine(following, time.min, SWISS_TIME).astimezone(UTC)

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
