"""What is shown of a cancellation that asked for an order."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from shared.web.endpoints import ApiModel

_WORDS = {
    "pending": "The order that holds the invoice was asked for. The invoice is cancelled as soon as"
    " the order is taken back.",
    "done": "The order was taken back, and the invoice is cancelled.",
    "order-left": "The order had left already, so the invoice cannot be cancelled. Issue a credit"
    " note instead.",
}


class CancellationAnswer(ApiModel):
    """A cancellation that asked for the invoice's order, and what became of it."""

    state: Literal["pending", "done", "order-left"]
    detail: Annotated[str, Field(description="The state, and the way out, in plain words")]
    order_id: UUID
    order_number: str | None
    reason_code: str
    asked_at: datetime
    asked_by: str


def cancellation_answer(row: Any) -> CancellationAnswer | None:
    """Write a wish; nothing of none."""
    if row is None:
        return None
    names = ("state", "order_id", "order_number", "reason_code", "asked_at", "asked_by")
    return CancellationAnswer(**{name: row[name] for name in names}, detail=_WORDS[row["state"]])
