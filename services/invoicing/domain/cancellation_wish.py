"""A cancellation that waits: its invoice is in an order that has not left, as far as is known here.

Only the gateway knows whether the order has left (docs/decisions/0009), so the answer comes later:
the order is taken back, and the invoice cancelled; or it had left, and a credit note is the way.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class WishState(StrEnum):
    """What became of a wish."""

    PENDING = "pending"
    DONE = "done"
    ORDER_LEFT = "order-left"


@dataclass(frozen=True, slots=True)
class CancellationWish:
    """Somebody wants an invoice cancelled that is in this order.

    Attributes:
        reason_code: of the cancellation.
        settled_at: None while it is pending.
    """

    practice_id: UUID
    invoice_id: UUID
    order_id: UUID
    reason_code: str
    asked_at: datetime
    asked_by: str
    state: WishState = WishState.PENDING
    settled_at: datetime | None = None

    def settled(self, state: WishState, *, at: datetime) -> CancellationWish:
        """Return the wish with its answer."""
        return replace(self, state=state, settled_at=at)
