"""What the handlers need from outside: repositories, the document store, the renderer."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import date, datetime
from types import TracebackType
from typing import Protocol, Self
from uuid import UUID

from services.invoicing.domain.cancellation_wish import CancellationWish
from services.invoicing.domain.correction import Cancellation, CreditNote
from services.invoicing.domain.events import InvoicingEvent
from services.invoicing.domain.invoice import HistoryEntry, Invoice, Standing
from services.invoicing.domain.order import (
    KnownOrder,
    OrderedLine,
    Placement,
)
from services.invoicing.domain.people import Patient, Provider
from services.invoicing.domain.practice import Contract, Practice
from services.invoicing.domain.price_list import Price, PriceKey, PriceList
from services.invoicing.domain.rendition import Rendition
from services.invoicing.domain.taking_over import ImportConflict, ImportedInvoice, KnownInvoice
from services.invoicing.domain.treatment import Treatment
from shared.kernel.money import Money


class PracticeRepository(Protocol):
    """Practices with their contracts and providers."""

    async def add(self, practice: Practice) -> bool:
        """Keep a new practice; return False if its GLN is taken."""

    async def get(self, practice_id: UUID) -> Practice | None:
        """Return the practice, or None."""

    async def lock(self, practice_id: UUID) -> Practice | None:
        """Return the practice, locked until the transaction ends, or None."""

    async def change(self, changed: Practice) -> None:
        """Write a practice back."""

    async def lock_contract(self, practice_id: UUID, contract_id: UUID) -> Contract | None:
        """Return a contract of the practice, locked until the transaction ends, or None."""

    async def change_contract(self, changed: Contract) -> bool:
        """Write a contract back; return False if the account at that factor is taken."""

    async def add_contract(self, contract: Contract) -> bool:
        """Keep a new contract; return False if the account at that factor is taken."""

    async def contract(self, practice_id: UUID, contract_id: UUID) -> Contract | None:
        """Return a contract of the practice, or None."""

    async def contracts_of(self, practice_id: UUID) -> Sequence[Contract]:
        """Return all contracts of the practice, those not in force too."""

    async def add_provider(self, provider: Provider) -> bool:
        """Keep a new provider; return False if the GLN is taken in this practice."""

    async def lock_provider(self, practice_id: UUID, provider_id: UUID) -> Provider | None:
        """Return a provider of the practice, locked until the transaction ends, or None."""

    async def change_provider(self, changed: Provider) -> bool:
        """Write a provider back; return False if the GLN is taken in this practice."""

    async def providers(
        self, practice_id: UUID, provider_ids: Collection[UUID]
    ) -> dict[UUID, Provider]:
        """Return those of the providers that the practice has, by id."""

    async def providers_by_gln(
        self, practice_id: UUID, glns: Collection[str]
    ) -> dict[str, Provider]:
        """Return those of the providers that the practice has, by GLN."""


class PriceRepository(Protocol):
    """Price lists of tariffs."""

    async def add(self, price_list: PriceList) -> bool:
        """Keep a new list; return False if one of that tariff begins on that day already."""

    async def get(self, practice_id: UUID, price_list_id: UUID) -> PriceList | None:
        """Return a price list as it counts now, its lines by code, or None."""

    async def revise(self, price_list: PriceList, *, with_lines: bool) -> bool:
        """Keep the next version of a list; return False if somebody else kept one meanwhile.

        Args:
            with_lines: whether its lines differ from those of the version before.
        """

    async def find(self, practice_id: UUID, wanted: Collection[PriceKey]) -> dict[PriceKey, Price]:
        """Return the price of each code on its day, where there is one."""


class PatientRepository(Protocol):
    """Patients, with their guarantors."""

    async def add(self, patient: Patient) -> bool:
        """Keep a new patient; return False if the patient number is taken in this practice."""

    async def get(self, practice_id: UUID, patient_id: UUID) -> Patient | None:
        """Return a patient of the practice, or None."""

    async def lock(self, practice_id: UUID, patient_id: UUID) -> Patient | None:
        """Return a patient, locked until the transaction ends, or None."""

    async def change(self, patient: Patient) -> None:
        """Write a known patient's data and version."""

    async def add_many(self, patients: Sequence[Patient]) -> None:
        """Keep new patients, whose numbers are free."""

    async def among(
        self,
        practice_id: UUID,
        *,
        ssns: Collection[str],
        birth_dates: Collection[date],
        numbers: Collection[str],
    ) -> list[Patient]:
        """Return the practice's patients with one of these AHV numbers, birth dates or numbers."""


class TreatmentRepository(Protocol):
    """Treatments, and by which invoice each was billed."""

    async def add(self, treatment: Treatment) -> None:
        """Keep a new treatment with its positions."""

    async def add_many(self, treatments: Sequence[Treatment]) -> None:
        """Keep new treatments with their positions."""

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
        """Draw the next free serial, locked until the transaction ends; a rollback frees it."""

    async def probable_serial(self, practice_id: UUID, year: int) -> int:
        """Return what `next_serial` would draw now; nothing is locked."""

    async def add(self, invoice: Invoice, standing: Standing, treatments: Sequence[UUID]) -> None:
        """Keep a new invoice with the treatments that it bills."""

    async def add_many(self, invoices: Sequence[tuple[Invoice, Standing, Sequence[UUID]]]) -> None:
        """Keep new invoices with the treatments that each bills."""

    async def get(self, practice_id: UUID, invoice_id: UUID) -> Invoice | None:
        """Return an invoice of the practice as it was issued, or None."""

    async def lock_standings(self, invoice_ids: Collection[UUID]) -> dict[UUID, Standing]:
        """Return standings by id, locked in one order for every caller; unknown ids are absent."""

    async def save_standings(self, standings: Sequence[Standing]) -> None:
        """Write standings back."""

    async def add_history(self, practice_id: UUID, entries: Sequence[HistoryEntry]) -> None:
        """Append lines of history; a line that is there already stays as it is.

        The collection stage follows from the lines, and from standings that were saved before.
        """


class CorrectionRepository(Protocol):
    """What happens to issued invoices; guarded by the locks on their standings."""

    async def mark_printed(
        self, invoice_ids: Collection[UUID], *, at: datetime, by: str
    ) -> dict[UUID, UUID]:
        """Mark invoices as printed; return the practices of those that had not been, by invoice."""

    async def cancel(self, cancellation: Cancellation) -> None:
        """Keep who cancelled an invoice and why, and release its treatments."""

    async def link(self, wrong_id: UUID, corrected_id: UUID) -> None:
        """Make the two invoices name each other."""

    async def successor_of(self, invoice_id: UUID) -> tuple[UUID, str] | None:
        """Return id and number of the invoice that took this one's place, or None."""

    async def credit_whole(self, invoice_id: UUID) -> None:
        """Keep that nothing is left of an invoice, and release its treatments; may be repeated."""

    async def treatments_of(self, invoice_id: UUID) -> Sequence[UUID]:
        """Return the treatments that an invoice billed, released or not."""

    async def next_credit_note_serial(self, practice_id: UUID, year: int) -> int:
        """Draw the next serial number, locked until the transaction ends; a rollback frees it."""

    async def add_credit_note(self, note: CreditNote) -> None:
        """Keep a new credit note."""

    async def credited(self, invoice_id: UUID) -> Money:
        """Return the sum of the credit notes on an invoice."""

    async def has_pending_credit_note(self, invoice_id: UUID) -> bool:
        """Whether the invoice has a credit note that was not settled without the factor."""

    async def settle_credit_note(
        self, practice_id: UUID, credit_note_id: UUID, *, on: date
    ) -> None:
        """Note that the books settled a credit note without the factor; repeated, it stays."""


class ImportRepository(Protocol):
    """Invoices from other software: what is known of them, and conflicts to decide."""

    async def lock(self, practice_id: UUID) -> None:
        """Let nobody else import or number invoices of the practice until the transaction ends."""

    async def known(self, practice_id: UUID, numbers: Collection[str]) -> dict[str, KnownInvoice]:
        """Return, by number, those with it, here or on the document; first what is in force."""

    async def taken_references(
        self, practice_id: UUID, references: Collection[str]
    ) -> dict[str, str]:
        """Return, by QR reference, the number of the invoice that has it and is not cancelled."""

    async def draw_serials(self, practice_id: UUID, count: int) -> range:
        """Draw so many serials for numbers that are not of the house's form."""

    async def add(
        self, import_id: UUID, invoices: Sequence[ImportedInvoice], *, at: datetime
    ) -> None:
        """Keep where imported invoices came from."""

    async def conflict_over(
        self, invoice_id: UUID, document_sha256: str, *, cancelled: bool
    ) -> ImportConflict | None:
        """Return the conflict over this invoice and this very file, decided or not, or None.

        Args:
            cancelled: whether the invoice is; a decision from before does not hold then.
        """

    async def add_conflict(self, conflict: ImportConflict) -> None:
        """Keep a new conflict."""

    async def lock_conflict(self, practice_id: UUID, conflict_id: UUID) -> ImportConflict | None:
        """Return a conflict of the practice, locked until the transaction ends, or None."""

    async def decide(self, conflict: ImportConflict) -> None:
        """Write a decision."""


class OrderRepository(Protocol):
    """The orders that invoicing has heard of; placements are guarded by invoices' locks."""

    async def add(self, order: KnownOrder, lines: Sequence[OrderedLine]) -> bool:
        """Keep an order with its lines; return False, and keep nothing, if it is known."""

    async def is_known(self, order_id: UUID) -> bool:
        """Whether the order was heard of."""

    async def mark_sent(self, order_id: UUID, *, at: datetime) -> bool:
        """Note that an order has left; return False if that was noted before."""

    async def placements(self, invoice_ids: Collection[UUID]) -> dict[UUID, list[Placement]]:
        """Return every place in an order that each of these invoices has or had."""

    async def invoices_of(self, order_id: UUID) -> list[UUID]:
        """Return the invoices of an order, whatever became of them."""

    async def save_placements(self, placements: Sequence[Placement]) -> None:
        """Write what became of lines."""


class WishRepository(Protocol):
    """Cancellations that wait for an order to be taken back; guarded as placements are."""

    async def of_invoice(self, invoice_id: UUID) -> CancellationWish | None:
        """Return the last wish about an invoice, settled or not, or None."""

    async def pending(self, order_id: UUID) -> list[CancellationWish]:
        """Return the wishes that wait for this order."""

    async def save(self, wish: CancellationWish) -> None:
        """Write a wish, in the place of an earlier one about the invoice."""


class RenditionRepository(Protocol):
    """Documents that were written anew; guarded by invoices' locks."""

    async def add(self, rendition: Rendition) -> int:
        """Keep a rendition; return how many the invoice has by now."""

    async def came_from_outside(
        self, practice_id: UUID, invoice_ids: Collection[UUID]
    ) -> frozenset[UUID]:
        """Return those of the practice's invoices that were imported."""


class UnitOfWork(Protocol):
    """One transaction's repositories; what is recorded leaves when it ends well."""

    @property
    def practices(self) -> PracticeRepository:
        """Practices, contracts, providers."""

    @property
    def prices(self) -> PriceRepository:
        """Price lists."""

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
    def corrections(self) -> CorrectionRepository:
        """Printing, cancellations and credit notes."""

    @property
    def imports(self) -> ImportRepository:
        """Imported invoices and conflicts."""

    @property
    def orders(self) -> OrderRepository:
        """Orders that were heard of."""

    @property
    def wishes(self) -> WishRepository:
        """Cancellations that wait."""

    @property
    def renditions(self) -> RenditionRepository:
        """Documents that were written anew."""

    def record(self, event: InvoicingEvent) -> None:
        """Note a domain event, to be told to the other services."""

    def part(self, *, trial: bool = False) -> AbstractAsyncContextManager[None]:
        """Undo what is written and recorded within if an error ends it; what came before stays.

        Args:
            trial: undo it in any case.
        """

    async def __aenter__(self) -> Self:
        """Begin."""

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End; hand the recorded events to the outbox unless an error passes through."""
