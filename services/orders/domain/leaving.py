"""Whether an order leaves: from when on it is told that it does not, why, and until when.

An order that is prepared closes the gate for the next one. The clock runs by the contract's working
days; where the gateway waits for a person, nobody waits for the clock.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from services.orders.domain.order import FactKind, Order, OrderState
from shared.kernel.ids import OrderId, PracticeId

LOST = "portal-lost-the-order"
"""The gateway's word for an order that the portal took and does not know any more."""
BY_HAND = "contract-uses-manual"
"""The gateway's word for an order that a person carries to the portal: held, as it should be."""
NOT_IN_TIME = "not-sent-in-time"
_LEFT = frozenset({FactKind.SENT, FactKind.UNKNOWN})


@dataclass(frozen=True, slots=True)
class DueLeaving:
    """An order whose time to leave is to be set, has passed, or that moved on."""

    order_id: OrderId
    practice_id: PracticeId


@dataclass(frozen=True, slots=True)
class Leaving:
    """What is known of an order's leaving, apart from its facts.

    Attributes:
        deadline: by when it should have left; None: not looked at yet.
        held_because, held_at: the gateway's latest word, if it waited for a person.
        told: how often it was told that the order does not leave.
        open_reason: what was told last; None: nothing is open.
        open_since: since when it has waited, where something is open.
        open_attempt: the latest sending when it was told.
    """

    order_id: OrderId
    practice_id: PracticeId
    deadline: datetime | None = None
    held_because: str | None = None
    held_at: datetime | None = None
    told: int = 0
    open_reason: str | None = None
    open_since: datetime | None = None
    open_attempt: int = 0

    def held(self, reason_code: str, *, at: datetime) -> Leaving:
        """The gateway says that the order waits for a person."""
        return replace(self, held_because=reason_code, held_at=at)

    def tell(self, reason_code: str, *, since: datetime, attempt: int) -> Leaving:
        """It is told that the order does not leave; what is open goes on since it began."""
        return replace(
            self,
            told=self.told + 1,
            open_reason=reason_code,
            open_since=self.open_since or since,
            open_attempt=attempt,
        )

    def end(self) -> Leaving:
        """The order moved on; if it comes back to wait, its time begins anew."""
        return Leaving(self.order_id, self.practice_id, told=self.told)


def concerns(order: Order, reason_code: str) -> bool:
    """Return whether the gateway's word still tells something of an order in this state."""
    return order.state is (OrderState.SENT if reason_code == LOST else OrderState.PREPARED)


def has_moved_on(order: Order, leaving: Leaving) -> bool:
    """Return whether what was told of the order is over."""
    if leaving.open_reason != LOST:
        return order.state is not OrderState.PREPARED
    if order.state not in {OrderState.SENT, OrderState.UNKNOWN}:
        return True
    return any(fact.kind in _LEFT and fact.attempt > leaving.open_attempt for fact in order.facts)


def waits_since(order: Order) -> datetime:
    """Return since when a prepared order waits: its preparation, or the end of its last doubt."""
    doubted = {fact.attempt for fact in order.facts if fact.kind is FactKind.UNKNOWN}
    ends = (
        fact.at
        for fact in order.facts
        if fact.kind is FactKind.NOT_SENT and fact.attempt in doubted
    )
    return max(ends, default=order.prepared_at)


def why_not(order: Order, leaving: Leaving) -> str:
    """Return the gateway's latest word on why a prepared order has not left."""
    known = [
        (fact.at, fact.reason_code)
        for fact in order.facts
        if fact.kind is FactKind.NOT_SENT and fact.reason_code
    ]
    if leaving.held_because and leaving.held_at:
        known.append((leaving.held_at, leaving.held_because))
    return max(known)[1] if known else NOT_IN_TIME


def latest_attempt(order: Order) -> int:
    """Return the number of the order's latest sending; 0: none was begun."""
    return max((fact.attempt for fact in order.facts), default=0)


def may_have_left(order: Order) -> bool:
    """Return whether an earlier sending is or was in doubt: then it cannot be withdrawn."""
    return any(fact.kind in _LEFT for fact in order.facts)
