"""An invoice's document was written anew: the next order takes it."""

from __future__ import annotations

from dataclasses import dataclass

from services.orders.domain.model import StoredContent
from services.orders.handlers.outcome import Outcome
from services.orders.ports import UnitOfWork
from shared.kernel.errors import TooEarlyError
from shared.kernel.ids import InvoiceId, PracticeId


@dataclass(frozen=True, slots=True)
class NoteDocument:
    """Let this invoice have this document from now on."""

    practice_id: PracticeId
    invoice_id: InvoiceId
    document: StoredContent
    document_format: str


async def note_document(command: NoteDocument, uow: UnitOfWork) -> Outcome:
    """Keep the document; an order that holds the invoice keeps the one that it froze.

    Raises:
        TooEarlyError: the invoice is not known yet.
    """
    if not await uow.invoices.exists(command.practice_id, command.invoice_id):
        raise TooEarlyError(
            f"invoice {command.invoice_id} is not known", waits_for=str(command.invoice_id)
        )
    changed = await uow.invoices.set_document(
        command.practice_id,
        command.invoice_id,
        command.document,
        document_format=command.document_format,
    )
    return Outcome.of(changed=changed)
