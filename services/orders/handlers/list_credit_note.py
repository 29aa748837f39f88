"""A credit note was issued: it waits for the next order, unless none can take it any more."""

from __future__ import annotations

from dataclasses import dataclass

from services.orders.domain.credit_note import CreditNote
from services.orders.handlers.outcome import Outcome
from services.orders.handlers.release_credit_notes import release_credit_notes
from services.orders.ports import UnitOfWork
from shared.kernel.clock import Clock
from shared.kernel.errors import TooEarlyError


@dataclass(frozen=True, slots=True)
class ListCreditNote:
    """Put an issued credit note on the list of what the next order takes along."""

    note: CreditNote


async def list_credit_note(command: ListCreditNote, uow: UnitOfWork, clock: Clock) -> Outcome:
    """Keep the credit note; repeated, it is already done.

    If the factor has refused the invoice meanwhile, the note is released at once.

    Raises:
        TooEarlyError: its invoice is not known yet.
    """
    note = command.note
    if not await uow.invoices.exists(note.practice_id, note.invoice_id):
        raise TooEarlyError(
            f"invoice {note.invoice_id} is not known", waits_for=str(note.invoice_id)
        )
    if not await uow.corrections.add_credit_note(note):
        return Outcome.ALREADY_DONE
    await release_credit_notes(
        note.practice_id, uow, on=clock.today(), credit_note_id=note.credit_note_id
    )
    return Outcome.DONE
