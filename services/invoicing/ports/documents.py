"""What the handlers need of documents and files: written, printed, read, kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol
from uuid import UUID

from services.invoicing.domain.correction import CreditNoteDraft
from services.invoicing.domain.document import InvoiceDocument
from services.invoicing.domain.incoming import GivenFile, IncomingFile
from services.invoicing.domain.invoice import StoredDocument
from services.invoicing.domain.order import (
    ConfirmedLine,
    OrderedLine,
)


class InvoiceRenderer(Protocol):
    """Writes an invoice's document."""

    def render(self, document: InvoiceDocument) -> bytes:
        """Return the document's bytes; the same content always gives the same bytes.

        Raises:
            DomainError: the document does not fit the official schema.
        """


class DocumentReader(Protocol):
    """Looks into stored documents."""

    def version(self, document: bytes) -> str:
        """Return the version of the official format that a document is written in.

        Raises:
            DomainError: it is none of the official format.
        """

    def agree(self, before: bytes, after: bytes) -> bool:
        """Whether two documents say the same on paper; raises as `InvoicePrinter.print` does."""


class CreditNoteRenderer(Protocol):
    """Writes a credit note's document."""

    def render(self, note: CreditNoteDraft, invoice_document: bytes) -> bytes:
        """Return the document's bytes, made of the invoice's; raises as `InvoiceRenderer` does."""


class CreditNoteDocuments(Protocol):
    """Keeps the bytes of credit notes."""

    async def put(self, practice_id: UUID, data: bytes) -> StoredDocument:
        """Store a document; raises as `InvoiceDocuments.put` does."""

    async def get(self, practice_id: UUID, document: StoredDocument) -> bytes:
        """Return a document's bytes; raises as `InvoiceDocuments.get` does."""


class InvoicePrinter(Protocol):
    """Prints an invoice, or a credit note, on paper."""

    def print(self, document: bytes, *, cancelled: bool) -> bytes:
        """Return the PDF of an invoice whose stored document this is.

        Raises:
            DomainError: the document lacks what every printed invoice has.
        """

    def print_credit_note(self, document: bytes) -> bytes:
        """Return the PDF of a credit note whose stored document this is; raises as `print` does."""


class InvoiceFiles(Protocol):
    """Reads uploads of other practice software."""

    @property
    def takes_trials(self) -> bool:
        """Whether documents that say they are trials may come in, as where all is a trial."""

    def check(self, given: Sequence[GivenFile]) -> None:
        """Unpack an upload and keep nothing of it; raises as `read` does."""

    def read(self, given: Sequence[GivenFile]) -> Iterator[IncomingFile]:
        """Yield the files of an upload and of the archives in it, read or refused one by one.

        Raises:
            DomainError: an archive is damaged, or all together break a limit.
        """


class InvoiceDocuments(Protocol):
    """Keeps the bytes of invoice documents."""

    async def put(self, practice_id: UUID, data: bytes) -> StoredDocument:
        """Store a document.

        Raises:
            TransientError: the store did not answer.
        """

    async def put_all(self, practice_id: UUID, items: Sequence[bytes]) -> list[StoredDocument]:
        """Store some dozens of documents in one call; raises as `put` does."""

    async def get(self, practice_id: UUID, document: StoredDocument) -> bytes:
        """Return a document's bytes.

        Raises:
            PermanentError, TransientError: they are not what was stored; the store is away.
        """


class OrderDocuments(Protocol):
    """Reads the line lists that orders leaves in the object store."""

    async def lines(
        self, practice_id: UUID, order_id: UUID, document: StoredDocument
    ) -> list[OrderedLine]:
        """Return the invoices of an order.

        Raises:
            ContractError: the document does not fit its contract, or is about another order.
            TransientError: the store did not answer.
        """

    async def confirmation(
        self, practice_id: UUID, order_id: UUID, document: StoredDocument
    ) -> list[ConfirmedLine]:
        """Return what became of each invoice of an order; raises as `lines` does."""
