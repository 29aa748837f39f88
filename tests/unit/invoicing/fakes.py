"""Invoicing's ports in memory."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from types import TracebackType
from typing import Self
from uuid import UUID

from services.invoicing.domain.correction import Cancellation, CreditNote
from services.invoicing.domain.document import InvoiceDocument
from services.invoicing.domain.events import InvoicingEvent
from services.invoicing.domain.invoice import HistoryEntry, Invoice, Standing, StoredDocument
from services.invoicing.domain.order import (
    ConfirmedLine,
    KnownOrder,
    OrderedLine,
    Placement,
)
from services.invoicing.domain.price_list import Price, PriceKey, PriceList
from services.invoicing.domain.treatment import Treatment
from shared.kernel.errors import TransientError
from shared.kernel.money import Money
from tests.unit.invoicing.fake_imports import FakeImports
from tests.unit.invoicing.fake_people import FakePatients, FakePractices
from tests.unit.invoicing.fake_renditions import FakeRenditions
from tests.unit.invoicing.fake_wishes import FakeWishes


class FakePrices:
    """Price lists in memory."""

    def __init__(self) -> None:
        self.lists: list[PriceList] = []

    async def add(self, price_list: PriceList) -> bool:
        taken = {(one.practice_id, one.tariff_type, one.valid_from) for one in self.lists}
        if (price_list.practice_id, price_list.tariff_type, price_list.valid_from) in taken:
            return False
        self.lists.append(price_list)
        return True

    async def get(self, practice_id: UUID, price_list_id: UUID) -> PriceList | None:
        mine = [one for one in self.lists if one.practice_id == practice_id]
        return next((one for one in mine if one.price_list_id == price_list_id), None)

    async def revise(self, price_list: PriceList, *, with_lines: bool) -> bool:
        wanted = price_list.price_list_id
        self.lists = [one for one in self.lists if one.price_list_id != wanted] + [price_list]
        return True

    async def find(self, practice_id: UUID, wanted: Collection[PriceKey]) -> dict[PriceKey, Price]:
        found = {}
        for key in wanted:
            valid = [
                one
                for one in self.lists
                if (one.practice_id, one.tariff_type) == (practice_id, key.tariff_type)
                and one.valid_from <= key.day <= (one.valid_to or key.day)
            ]
            newest = max(valid, key=lambda one: one.valid_from, default=None)
            for line in newest.lines if newest else ():
                if newest and line.code == key.code:
                    found[key] = Price(line, newest.point_value)
        return found


class FakeTreatments:
    """Treatments in memory; `bills` says which invoice billed which."""

    def __init__(self) -> None:
        self.by_id: dict[UUID, Treatment] = {}
        self.bills: dict[UUID, str] = {}

    async def add(self, treatment: Treatment) -> None:
        self.by_id[treatment.treatment_id] = treatment

    async def add_many(self, treatments: Sequence[Treatment]) -> None:
        self.by_id |= {one.treatment_id: one for one in treatments}

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
        self.renditions = FakeRenditions()

    async def next_serial(self, practice_id: UUID, year: int) -> int:
        self.last[practice_id, year] = self.last.get((practice_id, year), 0) + 1
        return self.last[practice_id, year]

    async def probable_serial(self, practice_id: UUID, year: int) -> int:
        return self.last.get((practice_id, year), 0) + 1

    async def add(self, invoice: Invoice, standing: Standing, treatments: Sequence[UUID]) -> None:
        self.by_id[invoice.invoice_id] = invoice
        self.standings[invoice.invoice_id] = standing
        self._treatments.bills.update(dict.fromkeys(treatments, invoice.number))

    async def add_many(self, invoices: Sequence[tuple[Invoice, Standing, Sequence[UUID]]]) -> None:
        for invoice, standing, treatments in invoices:
            await self.add(invoice, standing, treatments)

    async def get(self, practice_id: UUID, invoice_id: UUID) -> Invoice | None:
        found = self.by_id.get(invoice_id)
        if found is None or found.practice_id != practice_id:
            return None
        return self.renditions.present(found)

    async def lock_standings(self, invoice_ids: Collection[UUID]) -> dict[UUID, Standing]:
        return {one: self.standings[one] for one in invoice_ids if one in self.standings}

    async def save_standings(self, standings: Sequence[Standing]) -> None:
        self.standings |= {standing.invoice_id: standing for standing in standings}

    async def add_history(self, practice_id: UUID, entries: Sequence[HistoryEntry]) -> None:
        self.history.extend(entries)

    def story(self, invoice_id: UUID) -> list[str]:
        """Return the kinds in an invoice's history."""
        return [entry.kind for entry in self.history if entry.invoice_id == invoice_id]


class FakeCorrections:
    """Printing, cancellations, links and credit notes in memory."""

    def __init__(self, treatments: FakeTreatments, invoices: FakeInvoices) -> None:
        self._treatments = treatments
        self._invoices = invoices
        self.printed: dict[UUID, tuple[datetime, str]] = {}
        self.cancelled: dict[UUID, Cancellation] = {}
        self.links: dict[UUID, UUID] = {}
        self.notes: list[CreditNote] = []
        self.settled: dict[UUID, date] = {}

    async def mark_printed(
        self, invoice_ids: Collection[UUID], *, at: datetime, by: str
    ) -> dict[UUID, UUID]:
        newly = [one for one in invoice_ids if one not in self.printed]
        self.printed |= dict.fromkeys(newly, (at, by))
        return {one: self._invoices.by_id[one].practice_id for one in newly}

    async def cancel(self, cancellation: Cancellation) -> None:
        self.cancelled[cancellation.invoice_id] = cancellation
        await self.credit_whole(cancellation.invoice_id)

    async def credit_whole(self, invoice_id: UUID) -> None:
        number = self._invoices.by_id[invoice_id].number
        bills = self._treatments.bills
        self._treatments.bills = {one: by for one, by in bills.items() if by != number}

    async def successor_of(self, invoice_id: UUID) -> tuple[UUID, str] | None:
        successor = self.links.get(invoice_id)
        return None if successor is None else (successor, self._invoices.by_id[successor].number)

    async def link(self, wrong_id: UUID, corrected_id: UUID) -> None:
        self.links.setdefault(wrong_id, corrected_id)

    async def treatments_of(self, invoice_id: UUID) -> Sequence[UUID]:
        number = self._invoices.by_id[invoice_id].number
        return [one for one, by in self._treatments.bills.items() if by == number]

    async def next_credit_note_serial(self, practice_id: UUID, year: int) -> int:
        return len(self.notes) + 1

    async def add_credit_note(self, note: CreditNote) -> None:
        self.notes.append(note)

    async def credited(self, invoice_id: UUID) -> Money:
        return Money.total(note.amount for note in self.notes if note.invoice_id == invoice_id)

    async def has_pending_credit_note(self, invoice_id: UUID) -> bool:
        return any(
            note.invoice_id == invoice_id and note.credit_note_id not in self.settled
            for note in self.notes
        )

    async def settle_credit_note(
        self, practice_id: UUID, credit_note_id: UUID, *, on: date
    ) -> None:
        self.settled.setdefault(credit_note_id, on)


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

    async def mark_sent(self, order_id: UUID, *, at: datetime) -> bool:
        places = [place for place in self.places.values() if place.order_id == order_id]
        if any(place.sent_at for place in places):
            return False
        await self.save_placements([replace(place, sent_at=at) for place in places])
        return True

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
        self.prices = FakePrices()
        self.treatments = FakeTreatments()
        self.invoices = FakeInvoices(self.treatments)
        self.corrections = FakeCorrections(self.treatments, self.invoices)
        self.orders = FakeOrders()
        self.wishes = FakeWishes()
        self.imports = FakeImports(self.invoices)
        self.renditions = self.invoices.renditions
        self.events: list[InvoicingEvent] = []

    def record(self, event: InvoicingEvent) -> None:
        self.events.append(event)

    @asynccontextmanager
    async def part(self, *, trial: bool = False) -> AsyncIterator[None]:
        repositories = {name: one for name, one in vars(self).items() if hasattr(one, "__dict__")}
        # Repositories go on to mean each other.
        before = {
            name: copy.deepcopy(vars(one), {id(each): each for each in repositories.values()})
            for name, one in repositories.items()
        }
        told = len(self.events)
        kept = False
        try:
            yield
            kept = not trial
        finally:
            if not kept:
                for name, one in repositories.items():
                    vars(one).update(before[name])
                del self.events[told:]

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
        return StoredDocument(key, hashlib.sha256(data).hexdigest(), len(data), "application/xml")

    async def put_all(self, practice_id: UUID, items: Sequence[bytes]) -> list[StoredDocument]:
        return [await self.put(practice_id, data) for data in items]

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
