"""What the handlers need from outside: repositories, the document store, the renderer."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from types import TracebackType
from typing import Protocol, Self
from uuid import UUID

from services.invoicing.domain.document import InvoiceDocument
from services.invoicing.domain.events import InvoicingEvent
from services.invoicing.domain.invoice import HistoryEntry, Invoice, Standing, StoredDocument
from services.invoicing.domain.order import (
    ConfirmedLine,
    KnownOrder,
    OrderedLine,
    Placement,
)
from services.invoicing.domain.people import Patient, Provider
from services.invoicing.domain.practice import Contract, Practice
from services.invoicing.domain.treatment import Treatment


class PracticeRepository(Protocol):
    """Practices with their contracts and providers."""

    async def add(self, practice: Practice) -> bool:
        """Keep a new practice; return False if its GLN is taken."""

    async def get(self, practice_id: UUID) -> Practice | None:
        """Return the practice, or None."""

    async def add_contract(self, contract: Contract) -> bool:
        """Keep a new contract; return False if the account at that factor is taken."""

    async def contract(self, practice_id: UUID, contract_id: UUID) -> Contract | None:
        """Return a contract of the practice, or None."""

    async def add_provider(self, provider: Provider) -> bool:
        """Keep a new provider; return False if the GLN is taken in this practice."""

    async def providers(
        self, practice_id: UUID, provider_ids: Collection[UUID]
    ) -> dict[UUID, Provider]:
        """Return those of the providers that the practice has, by id."""


class PatientRepository(Protocol):
    """Patients, with their guarantors."""

    async def add(self, patient: Patient) -> bool:
        """Keep a new patient; return False if the patient number is taken in this practice."""

    async def get(self, practice_id: UUID, patient_id: UUID) -> Patient | None:
        """Return a patient of the practice, or None."""


class TreatmentRepository(Protocol):
    """Treatments, and by which invoice each was billed."""

    async def add(self, treatment: Treatment) -> None:
        """Keep a new treatment with its positions."""

    async def lock(
        self, practice_id: UUID, treatment_ids: Collection[UUID]
    ) -> dict[UUID, Treatment]:
        """Return treatments by id, locked until the transaction ends, so that one bills them."""

    async def billed(
        self, practice_id: UUID, treatment_ids: Collection[UUID]
    ) -> Mapping[UUID, str]:
        """Return, for each of the treatments that was billed, the number of its invoice."""


class InvoiceRepository(Protocol):
    """Invoices as issued, their standing, their history."""

    async def next_serial(self, practice_id: UUID, year: int) -> int:
        """Draw the next serial number, locked until the transaction ends; a rollback frees it."""

    async def add(self, invoice: Invoice, standing: Standing, treatments: Sequence[UUID]) -> None:
        """Keep a new invoice with the treatments that it bills."""

    async def lock_standings(self, invoice_ids: Collection[UUID]) -> dict[UUID, Standing]:
        """Return standings by id, locked in one order for every caller; unknown ids are absent."""

    async def save_standings(self, standings: Sequence[Standing]) -> None:
        """Write standings back."""

    async def add_history(self, practice_id: UUID, entries: Sequence[HistoryEntry]) -> None:
        """Append lines of history; a line that is there already stays as it is."""


class OrderRepository(Protocol):
    """The orders that invoicing has heard of, and the invoices in them.

    Placements are guarded by the locks on their invoices' standings, which callers hold.
    """

    async def add(self, order: KnownOrder, lines: Sequence[OrderedLine]) -> bool:
        """Keep an order with its lines; return False, and keep nothing, if it is known."""

    async def is_known(self, order_id: UUID) -> bool:
        """Whether the order was heard of."""

    async def placements(self, invoice_ids: Collection[UUID]) -> dict[UUID, list[Placement]]:
        """Return every place in an order that each of these invoices has or had."""

    async def invoices_of(self, order_id: UUID) -> list[UUID]:
        """Return the invoices of an order, whatever became of them."""

    async def save_placements(self, placements: Sequence[Placement]) -> None:
        """Write what became of lines."""


class UnitOfWork(Protocol):
    """One transaction's repositories; what is recorded leaves when it ends well."""

    @property
    def practices(self) -> PracticeRepository:
        """Practices, contracts, providers."""

    @property
    def patients(self) -> PatientRepository:
        """Patients."""

    @property
    def treatments(self) -> TreatmentRepository:
        """Treatments."""

    @property
    def invoices(self) -> InvoiceRepository:
        """Invoices."""

    @property
    def orders(self) -> OrderRepository:
        """Orders that were heard of."""

    def record(self, event: InvoicingEvent) -> None:
        """Note a domain event, to be told to the other services."""

    async def __aenter__(self) -> Self:
        """Begin."""

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End; hand the recorded events to the outbox unless an error passes through."""


class InvoiceRenderer(Protocol):
    """Writes an invoice's document."""

    def render(self, document: InvoiceDocument) -> bytes:
        """Return the document's bytes; the same content always gives the same bytes.

        Raises:
            DomainError: the document does not fit the official schema.
        """


class InvoiceDocuments(Protocol):
    """Keeps the bytes of invoice documents."""

    async def put(self, practice_id: UUID, data: bytes) -> StoredDocument:
        """Store a document.

        Raises:
            TransientError: the store did not answer.
        """

    async def get(self, practice_id: UUID, document: StoredDocument) -> bytes:
        """Return a document's bytes.

        Raises:
            PermanentError: they are not what was stored.
            TransientError: the store did not answer.
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
