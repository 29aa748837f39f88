"""A credit note was issued: it waits for the next order of its contract."""

from __future__ import annotations

from dataclasses import dataclass

from services.orders.domain.credit_note import CreditNote
from services.orders.handlers.outcome import Outcome
from services.orders.ports import UnitOfWork
from shared.kernel.errors import TooEarlyError


@dataclass(frozen=True, slots=True)
class ListCreditNote:
    """Put an issued credit note on the list of what the next order takes along."""

    note: CreditNote


async def list_credit_note(command: ListCreditNote, uow: UnitOfWork) -> Outcome:
    """Keep the credit note; repeated, it is already done.

    Raises:
        TooEarlyError: its invoice is not known yet.
    """
    note = command.note
    if not await uow.invoices.exists(note.practice_id, note.invoice_id):
        raise TooEarlyError(
            f"invoice {note.invoice_id} is not known", waits_for=str(note.invoice_id)
        )
    return Outcome.of(changed=await uow.corrections.add_credit_note(note))
