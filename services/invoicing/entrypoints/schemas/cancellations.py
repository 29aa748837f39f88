"""What is shown of a cancellation that asked for an order."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from shared.web.endpoints import ApiModel

_WORDS = {
    "pending": "The order that holds the invoice was asked for. The invoice is {done} as soon as"
    " the order is taken back.",
    "done": "The order was taken back, and the invoice is {done}.",
    "order-left": "The order had left already, so the invoice was not {done}. {instead}",
    "failed": "The order let the invoice go, but it could not be {done}: {refusal} The invoice is"
    " in no order and can be cancelled or corrected now.",
}
_DONE = {"cancel": "cancelled", "correct": "corrected", "replace": "replaced by the file's"}
_INSTEAD = {
    "cancel": "Issue a credit note instead.",
    "correct": "Correct it once more: it is credited with a credit note then.",
    "replace": "Issue a credit note instead, and bill what is missing on a new invoice.",
}


class CancellationAnswer(ApiModel):
    """A cancellation or correction that asked for the invoice's order, and what became of it."""

    intent: Annotated[
        Literal["cancel", "correct", "replace"],
        Field(description="Only cancel it, or put a corrected one or an imported one in its place"),
    ]
    state: Literal["pending", "done", "order-left", "failed"]
    detail: Annotated[str, Field(description="The state, and the way out, in plain words")]
    order_id: UUID
    order_number: str | None
    reason_code: str
    asked_at: datetime
    asked_by: str
    settled_at: datetime | None
    corrected_id: Annotated[
        UUID | None, Field(description="Of a correction: the id that the corrected invoice gets")
    ]
    conflict_id: Annotated[
        UUID | None, Field(description="Of a replacement: the import conflict that it decides")
    ]
    refusal_code: Annotated[str | None, Field(description="Why it failed")]


def cancellation_answer(row: Any) -> CancellationAnswer | None:
    """Write a wish; nothing of none."""
    if row is None:
        return None
    names = set(CancellationAnswer.model_fields) - {"detail"}
    detail = _WORDS[row["state"]].format(
        done=_DONE[row["intent"]], refusal=row["refusal"], instead=_INSTEAD[row["intent"]]
    )
    return CancellationAnswer(**{name: row[name] for name in names}, detail=detail)
