"""Lets credit notes go that no order will take along: the factor does not have their invoice."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from services.orders.domain.events import CreditNoteReleased
from services.orders.ports import UnitOfWork
from shared.kernel.ids import OrderId, PracticeId


async def release_credit_notes(
    practice_id: PracticeId,
    uow: UnitOfWork,
    *,
    on: date,
    order_id: OrderId | None = None,
    credit_note_id: UUID | None = None,
) -> bool:
    """Release what waits although its invoice has left its last order; say whether anything did.

    The books settle such a note without the factor. Until they have, its invoice is in no order: it
    would be handed over for more than remains of it.

    Args:
        order_id: only notes on invoices of this order.
        credit_note_id: only this note.
    """
    released = await uow.corrections.release_credit_notes(
        practice_id, on=on, order_id=order_id, credit_note_id=credit_note_id
    )
    for note in released:
        uow.record(CreditNoteReleased(note=note, released_on=on))
    return bool(released)
