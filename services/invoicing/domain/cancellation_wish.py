"""A cancellation that waits: its invoice is in an order that has not left, as far as is known here.

Only the gateway knows whether the order has left (docs/decisions/0009), so the answer comes later:
the order is taken back, and the invoice cancelled; or it had left, and a credit note is the way.
A wish to correct or to replace an invoice is a cancellation with a successor, kept until then.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from services.invoicing.domain.correction import NewContent
from services.invoicing.domain.invoice import Invoice
from shared.kernel.errors import ConflictError


class WishState(StrEnum):
    """What became of a wish; failed: the order let go, and something else forbids it by now."""

    PENDING = "pending"
    DONE = "done"
    ORDER_LEFT = "order-left"
    FAILED = "failed"


class Intent(StrEnum):
    """What is to happen once the order has let the invoice go."""

    CANCEL = "cancel"
    CORRECT = "correct"
    REPLACE = "replace"

    @property
    def word(self) -> str:
        """How history and reasons call it; a replacement is a correction by a file."""
        return "cancellation" if self is Intent.CANCEL else "correction"


@dataclass(frozen=True, slots=True)
class CancellationWish:
    """Somebody wants an invoice cancelled that is in this order.

    Attributes:
        reason_code: of the cancellation.
        settled_at: None while it is pending.
        content: of a correction, what the successor bills; None: the same again.
        corrected_id: of a correction, the successor's id to be.
        conflict_id: of a replacement, the conflict whose file succeeds.
        refusal_code, refusal: why it failed, as a code and in words.
    """

    practice_id: UUID
    invoice_id: UUID
    order_id: UUID
    reason_code: str
    asked_at: datetime
    asked_by: str
    state: WishState = WishState.PENDING
    settled_at: datetime | None = None
    intent: Intent = Intent.CANCEL
    content: NewContent | None = None
    corrected_id: UUID | None = None
    conflict_id: UUID | None = None
    refusal_code: str | None = None
    refusal: str | None = None

    @property
    def is_pending(self) -> bool:
        """Whether it waits for its order."""
        return self.state is WishState.PENDING

    def settled(self, state: WishState, *, at: datetime) -> CancellationWish:
        """Return the wish with its answer."""
        return replace(self, state=state, settled_at=at)

    def failed(self, *, code: str, reason: str, at: datetime) -> CancellationWish:
        """Return the wish that cannot be carried out although the order let the invoice go."""
        done = self.settled(WishState.FAILED, at=at)
        return replace(done, refusal_code=code, refusal=reason)


def refuse_another(open_wish: CancellationWish, invoice: Invoice) -> ConflictError:
    """Return the error of whoever wants something else while a wish waits."""
    word = open_wish.intent.word
    return ConflictError(
        f"A {word} of invoice {invoice.number} waits for its order. Ask again once that is"
        " settled; the invoice shows it.",
        code=f"{word}-pending",
        invoice_number=invoice.number,
        order_id=str(open_wish.order_id),
    )
