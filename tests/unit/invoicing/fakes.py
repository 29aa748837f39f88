"""Invoicing's ports in memory."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self
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
from shared.kernel.errors import TransientError


class FakePractices:
    """Practices, contracts and providers in memory."""

    def __init__(self) -> None:
        self.by_id: dict[UUID, Practice] = {}
        self.contracts: dict[UUID, Contract] = {}
        self.people: dict[UUID, Provider] = {}

    async def add(self, practice: Practice) -> bool:
        if any(one.gln == practice.gln for one in self.by_id.values()):
            return False
        self.by_id[practice.practice_id] = practice
        return True

    async def get(self, practice_id: UUID) -> Practice | None:
        return self.by_id.get(practice_id)

    async def add_contract(self, contract: Contract) -> bool:
        def key(one: Contract) -> tuple[object, ...]:
            return one.practice_id, one.factor_gln, one.account_number

        if key(contract) in {key(one) for one in self.contracts.values()}:
            return False
        self.contracts[contract.contract_id] = contract
        return True

    async def contract(self, practice_id: UUID, contract_id: UUID) -> Contract | None:
        found = self.contracts.get(contract_id)
        return found if found and found.practice_id == practice_id else None

    async def add_provider(self, provider: Provider) -> bool:
        taken = {(one.practice_id, one.gln) for one in self.people.values()}
        if (provider.practice_id, provider.gln) in taken:
            return False
        self.people[provider.provider_id] = provider
        return True

    async def providers(
        self, practice_id: UUID, provider_ids: Collection[UUID]
    ) -> dict[UUID, Provider]:
        return {
            one: self.people[one]
            for one in provider_ids
            if one in self.people and self.people[one].practice_id == practice_id
        }


class FakePatients:
    """Patients in memory."""

    def __init__(self) -> None:
        self.by_id: dict[UUID, Patient] = {}

    async def add(self, patient: Patient) -> bool:
        taken = {(one.practice_id, one.patient_number) for one in self.by_id.values()}
        if (patient.practice_id, patient.patient_number) in taken:
            return False
        self.by_id[patient.patient_id] = patient
        return True

    async def get(self, practice_id: UUID, patient_id: UUID) -> Patient | None:
        found = self.by_id.get(patient_id)
        return found if found and found.practice_id == practice_id else None


class FakeTreatments:
    """Treatments in memory; `bills` says which invoice billed which."""

    def __init__(self) -> None:
        self.by_id: dict[UUID, Treatment] = {}
        self.bills: dict[UUID, str] = {}

    async def add(self, treatment: Treatment) -> None:
        self.by_id[treatment.treatment_id] = treatment

    async def lock(
        self, practice_id: UUID, treatment_ids: Collection[UUID]
    ) -> dict[UUID, Treatment]:
        return {
            one: self.by_id[one]
            for one in treatment_ids
            if one in self.by_id and self.by_id[one].practice_id == practice_id
        }

    async def billed(
        self, practice_id: UUID, treatment_ids: Collection[UUID]
    ) -> Mapping[UUID, str]:
        return {one: self.bills[one] for one in treatment_ids if one in self.bills}


class FakeInvoices:
    """Invoices, standings and history in memory."""

    def __init__(self, treatments: FakeTreatments) -> None:
        self._treatments = treatments
        self.by_id: dict[UUID, Invoice] = {}
        self.standings: dict[UUID, Standing] = {}
        self.history: list[HistoryEntry] = []
        self.last: dict[tuple[UUID, int], int] = {}

    async def next_serial(self, practice_id: UUID, year: int) -> int:
        self.last[practice_id, year] = self.last.get((practice_id, year), 0) + 1
        return self.last[practice_id, year]

    async def add(self, invoice: Invoice, standing: Standing, treatments: Sequence[UUID]) -> None:
        self.by_id[invoice.invoice_id] = invoice
        self.standings[invoice.invoice_id] = standing
        self._treatments.bills.update(dict.fromkeys(treatments, invoice.number))

    async def lock_standings(self, invoice_ids: Collection[UUID]) -> dict[UUID, Standing]:
        return {one: self.standings[one] for one in invoice_ids if one in self.standings}

    async def save_standings(self, standings: Sequence[Standing]) -> None:
        self.standings |= {standing.invoice_id: standing for standing in standings}

    async def add_history(self, practice_id: UUID, entries: Sequence[HistoryEntry]) -> None:
        self.history.extend(entries)

    def story(self, invoice_id: UUID) -> list[str]:
        """Return the kinds in an invoice's history."""
        return [entry.kind for entry in self.history if entry.invoice_id == invoice_id]


class FakeOrders:
    """Known orders and placements in memory."""

    def __init__(self) -> None:
        self.by_id: dict[UUID, KnownOrder] = {}
        self.places: dict[tuple[UUID, UUID], Placement] = {}

    async def add(self, order: KnownOrder, lines: Sequence[OrderedLine]) -> bool:
        if order.order_id in self.by_id:
            return False
        self.by_id[order.order_id] = order
        for line in lines:
            self.places[order.order_id, line.invoice_id] = Placement(
                line.invoice_id, order.order_id, order.order_number, order.prepared_at
            )
        return True

    async def is_known(self, order_id: UUID) -> bool:
        return order_id in self.by_id

    async def placements(self, invoice_ids: Collection[UUID]) -> dict[UUID, list[Placement]]:
        return {
            one: [place for place in self.places.values() if place.invoice_id == one]
            for one in invoice_ids
        }

    async def invoices_of(self, order_id: UUID) -> list[UUID]:
        return [place.invoice_id for place in self.places.values() if place.order_id == order_id]

    async def save_placements(self, placements: Sequence[Placement]) -> None:
        self.places |= {(one.order_id, one.invoice_id): one for one in placements}


class FakeUnitOfWork:
    """A unit of work in memory; an error takes nothing back, so tests look at what was done."""

    def __init__(self) -> None:
        self.practices = FakePractices()
        self.patients = FakePatients()
        self.treatments = FakeTreatments()
        self.invoices = FakeInvoices(self.treatments)
        self.orders = FakeOrders()
        self.events: list[InvoicingEvent] = []

    def record(self, event: InvoicingEvent) -> None:
        self.events.append(event)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return None


class FakeRenderer:
    """Renders an invoice as its number."""

    def __init__(self) -> None:
        self.rendered: list[InvoiceDocument] = []

    def render(self, document: InvoiceDocument) -> bytes:
        self.rendered.append(document)
        return document.number.encode()


@dataclass
class FakeDocuments:
    """Keeps documents in memory; `away` makes the store not answer."""

    away: bool = False
    data: dict[str, bytes] = field(default_factory=dict)

    async def put(self, practice_id: UUID, data: bytes) -> StoredDocument:
        if self.away:
            raise TransientError("the object store does not answer")
        key = f"{practice_id}/invoice-document/{len(self.data)}"
        self.data[key] = data
        return StoredDocument(key, "ab" * 32, len(data), "application/xml")

    async def get(self, practice_id: UUID, document: StoredDocument) -> bytes:
        return self.data[document.key]


@dataclass
class FakeOrderDocuments:
    """The line lists that a test says are there."""

    ordered: list[OrderedLine] = field(default_factory=list)
    confirmed: list[ConfirmedLine] = field(default_factory=list)

    async def lines(
        self, practice_id: UUID, order_id: UUID, document: StoredDocument
    ) -> list[OrderedLine]:
        return self.ordered

    async def confirmation(
        self, practice_id: UUID, order_id: UUID, document: StoredDocument
    ) -> list[ConfirmedLine]:
        return self.confirmed
