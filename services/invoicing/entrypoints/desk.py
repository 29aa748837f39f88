"""What the HTTP handlers and event handlers work with, handed over by the bootstrap."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from services.invoicing.handlers.correct_sent_invoice import CreditingTools
from services.invoicing.handlers.wishing import Tools
from services.invoicing.ports import UnitOfWork
from services.invoicing.ports.documents import (
    CreditNoteDocuments,
    CreditNoteRenderer,
    DocumentReader,
    InvoiceDocuments,
    InvoiceFiles,
    InvoicePrinter,
    InvoiceRenderer,
    OrderDocuments,
)
from shared.kernel.clock import Clock
from shared.kernel.errors import NotFoundError
from shared.web.changes import Changed, changed
from shared.web.endpoints import Reply


@dataclass(frozen=True, slots=True)
class Desk:
    """The ports of the entry points.

    Attributes:
        unit_of_work: opens one on a connection whose transaction somebody else ends.
        own_transaction: opens one for a practice whose transaction ends with it, for work that is
            done in several of them.
    """

    unit_of_work: Callable[[AsyncConnection], UnitOfWork]
    own_transaction: Callable[[UUID], AbstractAsyncContextManager[UnitOfWork]]
    renderer: InvoiceRenderer
    documents: InvoiceDocuments
    order_documents: OrderDocuments
    invoice_files: InvoiceFiles
    printer: InvoicePrinter
    document_reader: DocumentReader
    credit_note_renderer: CreditNoteRenderer
    credit_note_documents: CreditNoteDocuments
    clock: Clock

    @property
    def crediting(self) -> CreditingTools:
        """What crediting an invoice and issuing another one needs."""
        return CreditingTools(
            self.renderer,
            self.documents,
            self.credit_note_renderer,
            self.credit_note_documents,
            self.clock,
        )

    @property
    def tools(self) -> Tools:
        """What putting one invoice in another's place needs."""
        return Tools(self.renderer, self.documents, self.invoice_files, self.clock)


def only(rows: Sequence[RowMapping], *, code: str, what: str) -> RowMapping:
    """Return the one row that was asked for.

    Raises:
        NotFoundError: there is none.
    """
    if not rows:
        raise NotFoundError(f"There is no such {what}.", code=code)
    return rows[0]


def edited(reply: Reply, before: Reply) -> Changed:
    """Return the answer to an edit, which knows what it changed."""
    return changed(reply, shown(before), shown(reply))


def added(reply: Reply) -> Changed:
    """Return the answer to the adding of what it shows."""
    return changed(reply, None, shown(reply))


def shown(reply: Reply) -> BaseModel:
    """Return the model that an answer shows."""
    assert isinstance(reply.body, BaseModel)  # noqa: S101 - those who ask have made it so
    return reply.body
