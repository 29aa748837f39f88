"""Invoicing, orders and the books in memory, joined by events that wait until they are worked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any, cast
from uuid import UUID, uuid5

from services.invoicing import translate as invoicing_words
from services.invoicing.adapters.documents import (
    StoredCreditNoteDocuments,
    StoredInvoiceDocuments,
    StoredOrderDocuments,
)
from services.invoicing.domain.events import InvoiceWasIssued
from services.invoicing.domain.invoice import Standing
from services.invoicing.entrypoints import events as invoicing_events
from services.invoicing.handlers.cancel_invoice import CancelInvoice, cancel_invoice
from services.invoicing.handlers.correct_sent_invoice import CreditingTools
from services.invoicing.handlers.issue_credit_note import IssueCreditNote, issue_credit_note
from services.invoicing.handlers.wish_cancellation import wish_cancellation
from services.invoicing.handlers.wishing import Tools
from services.orders import translate as orders_words
from services.orders.adapters.document_archive import ObjectStoreDocumentArchive
from services.orders.entrypoints import events as orders_events
from services.orders.entrypoints.workshop import Pace, Workshop
from services.orders.handlers.prepare_order import PrepareOrder, prepare_order
from services.reconciliation import translate as books_words
from services.reconciliation.adapters.content import ObjectStoreContent
from services.reconciliation.entrypoints.events import EventHandlers
from services.reconciliation.entrypoints.events import subscriptions as books_subscriptions
from shared.contracts import topics
from shared.contracts.debident.v1 import (
    ArrivalDocument,
    ArrivalLine,
    OrderArrived,
    OrderRefused,
    OrderSent,
    OrderWithheld,
)
from shared.contracts.envelope import EventPayload
from shared.contracts.invoicing.v1 import ContractChanged, PortalTerms, PracticeRegistered
from shared.contracts.orders.v1 import (
    ArrivalEvidence,
    OrderLinesDocument,
    OrderPrepared,
    OrderWithdrawalRequested,
)
from shared.kernel.errors import DomainError, PermanentError, TooEarlyError
from shared.kernel.ids import ContractId, OrderId, PracticeId
from shared.kernel.money import Money
from shared.messaging.events import ReceivedEvent
from shared.objectstore import open_object_store
from shared.testing import FrozenClock
from tests.unit.crossings.correcting import furnish
from tests.unit.invoicing.builders import (
    NOW,
    a_practice,
    an_invoice,
)
from tests.unit.invoicing.fakes import FakeRenderer
from tests.unit.invoicing.fakes import FakeUnitOfWork as InvoicingUnit
from tests.unit.orders.fakes import FakeUnitOfWork as OrdersUnit
from tests.unit.reconciliation.fakes import MemoryUnitOfWork as BooksUnit

NUMBERS = UUID(int=4711)
_Stream = tuple[str, UUID]


class PlainCreditNotes:
    """Renders a credit note as its number."""

    def render(self, note: Any, invoice_document: bytes) -> bytes:
        return str(note.number).encode()


@dataclass
class Service:
    """One service: its state, what it listens to, and how far it has read each stream."""

    name: str
    uow: Any
    recorded: str
    to_wire: Callable[[Any], EventPayload]
    table: dict[type[EventPayload], Callable[..., Awaitable[None]]] = field(default_factory=dict)
    read: dict[_Stream, int] = field(default_factory=lambda: defaultdict(int))
    dead: list[str] = field(default_factory=list)

    def open(self, _: object) -> AbstractAsyncContextManager[Any]:
        """Open a unit of work on the present state."""
        return nullcontext(self.uow)

    def told(self) -> list[EventPayload]:
        """Return what was recorded, as it leaves, and forget it."""
        events = getattr(self.uow, self.recorded)
        setattr(self.uow, self.recorded, [])
        return [self.to_wire(event) for event in events]


class World:
    """A practice with some invoices, a factor that answers, and three services that hear of it."""

    def __init__(self) -> None:
        self.clock = FrozenClock(NOW)
        self.store = open_object_store("memory:", key=bytes(32))
        self.streams: dict[_Stream, list[EventPayload]] = defaultdict(list)
        self.practice = a_practice()
        self.practice_id = self.practice.practice_id
        self.contract_id = self.id("contract")
        self.invoices: list[Any] = []
        self.prepared: list[OrderPrepared] = []
        self.sent: set[UUID] = set()
        self.answered: set[UUID] = set()
        self.invoicing = Service("invoicing", InvoicingUnit(), "events", invoicing_words.to_wire)
        self.orders = Service("orders", OrdersUnit(), "recorded", orders_words.to_wire)
        self.books = Service("reconciliation", BooksUnit(), "recorded", books_words.to_wire)
        self.services = (self.invoicing, self.orders, self.books)
        self.documents = StoredInvoiceDocuments(self.store)
        self.archive = ObjectStoreDocumentArchive(self.store)
        no_files = cast("Any", None)
        self.tools = Tools(FakeRenderer(), self.documents, no_files, self.clock)
        self.crediting = CreditingTools(
            self.tools.renderer,
            self.documents,
            PlainCreditNotes(),
            StoredCreditNoteDocuments(self.store),
            self.clock,
        )
        self._listen()

    def id(self, *parts: object) -> UUID:
        """Return an id that is the same in every run."""
        return uuid5(NUMBERS, "/".join(map(str, parts)))

    def _listen(self) -> None:
        desk: Any = type("Desk", (), {})()
        desk.unit_of_work = self.invoicing.open
        desk.order_documents = StoredOrderDocuments(self.store)
        desk.clock = self.clock
        desk.tools = self.tools
        workshop = Workshop(
            unit_of_work=self.orders.open,
            units=cast("Any", None),
            archive=self.archive,
            holidays=cast("Any", None),
            clock=self.clock,
            pace=Pace(),
        )
        books = EventHandlers(self.books.open, ObjectStoreContent(self.store), self.clock)
        for service, table in (
            (self.invoicing, invoicing_events.subscriptions(desk)),
            (self.orders, orders_events.subscriptions(workshop)),
            (self.books, books_subscriptions(books)),
        ):
            service.table = {each.payload_type: each.handler for each in table}

    async def open(self, *amounts: int) -> None:
        """Register the practice and its contract, and issue invoices of these Rappen."""
        self.say(
            PracticeRegistered(
                practice_id=self.practice_id,
                gln="7601000000019",
                canton="VD",
                language="fr",
                registered_at=NOW,
            ),
            ContractChanged(
                practice_id=self.practice_id,
                contract_id=self.contract_id,
                contract_version=1,
                active=True,
                factor="CMD",
                factor_gln="7601000000026",
                account_number="4711-1",
                ledger_account="1088",
                payout_term_days=30,
                portal=PortalTerms(),
            ),
        )
        patient = await furnish(
            self.invoicing.uow, self.practice, contract_id=self.contract_id, id_of=self.id
        )
        for serial, rappen in enumerate(amounts, 1):
            invoice = an_invoice(
                self.practice,
                patient,
                invoice_id=self.id("invoice", serial),
                serial=serial,
                contract_id=self.contract_id,
                total=Money(rappen),
                document=await self.documents.put(self.practice_id, b"<invoice/>"),
            )
            self.invoices.append(invoice)
            await self.invoicing.uow.invoices.add(invoice, Standing.at_issue(invoice), [])
            self.invoicing.uow.record(InvoiceWasIssued(invoice))
        self.invoicing.uow.invoices.last[self.practice_id, NOW.year] = len(amounts)
        self.say(*self.invoicing.told())

    def say(self, *payloads: EventPayload) -> None:
        """Put events at the end of their streams."""
        for payload in payloads:
            self.streams[payload.PRODUCER, getattr(payload, payload.SUBJECT)].append(payload)
            if isinstance(payload, OrderPrepared):
                self.prepared.append(payload)

    async def attempt(self, service: Service, use: Callable[[], Awaitable[object]]) -> bool:
        """Let a person do something; what a rule forbids leaves no trace."""
        before = deepcopy(service.uow)
        self.clock.advance(timedelta(seconds=1))
        try:
            await use()
        except DomainError:
            service.uow = before
            return False
        self.say(*service.told())
        return True

    async def cancel(self, place: int) -> bool:
        """Cancel an invoice."""
        command = CancelInvoice(self.practice_id, self.invoices[place].invoice_id, "wrong", "me")
        uow = self.invoicing.uow

        async def use() -> None:
            if not await wish_cancellation(command, uow, clock=self.clock):
                await cancel_invoice(command, uow, clock=self.clock)

        return await self.attempt(self.invoicing, use)

    async def credit(self, place: int, rappen: int) -> bool:
        """Issue a credit note."""
        count = len(self.invoicing.uow.corrections.notes)
        command = IssueCreditNote(
            self.practice_id,
            self.invoices[place].invoice_id,
            self.id("credit-note", count),
            Money(rappen),
            "goodwill",
            "me",
        )
        use = partial(
            issue_credit_note,
            command,
            renderer=self.crediting.credit_note_renderer,
            invoice_documents=self.documents,
            documents=self.crediting.credit_note_documents,
            clock=self.clock,
        )
        return await self.attempt(self.invoicing, lambda: use(uow=self.invoicing.uow))

    async def prepare(self, *chosen: UUID) -> bool:
        """Prepare an order of these invoices, or of all that may be ordered."""
        command = PrepareOrder(
            OrderId(self.id("order", len(self.prepared))),
            PracticeId(self.practice_id),
            ContractId(self.contract_id),
            chosen or None,
        )
        use = partial(prepare_order, archive=self.archive, clock=self.clock)
        return await self.attempt(self.orders, lambda: use(command, self.orders.uow))

    def _wanted_back(self, order: OrderPrepared) -> bool:
        stream = self.streams[topics.ORDERS, order.order_id]
        return any(isinstance(one, OrderWithdrawalRequested) for one in stream)

    def send(self, *, look_back: bool) -> None:
        """Let the gateway send what was prepared, or keep what it knows to be wanted back."""
        for order in self.prepared:
            if order.order_id in self.sent | self.answered:
                continue
            names = self._names(order)
            if look_back and self._wanted_back(order):
                self.answered.add(order.order_id)
                self.say(OrderWithheld(**names, withheld_at=self.clock.now()))
                continue
            self.sent.add(order.order_id)
            self.say(
                OrderSent(
                    **names,
                    attempt=1,
                    portal_reference="DBD-1",
                    package_sha256=order.package.sha256,
                    sent_at=self.clock.now(),
                )
            )

    async def answer(self, refused: int) -> None:
        """Let the factor answer what was sent: bit n refuses line n, a high bit the whole order."""
        for order in self.prepared:
            if order.order_id not in self.sent or order.order_id in self.answered:
                continue
            self.answered.add(order.order_id)
            if refused & 64:
                now = self.clock.now()
                names = self._names(order)
                self.say(OrderRefused(**names, reason_code="unreadable", refused_at=now))
            else:
                self.say(await self._arrived(order, refused))

    async def _arrived(self, order: OrderPrepared, refused: int) -> OrderArrived:
        data = await self.store.get(order.lines, practice_id=self.practice_id)
        lines = OrderLinesDocument.model_validate_json(data).lines
        answers = tuple(
            ArrivalLine(
                invoice_number=line.invoice_number,
                accepted=not refused >> place & 1,
                refusal_code="address-incomplete" if refused >> place & 1 else None,
            )
            for place, line in enumerate(lines)
        )
        document = ArrivalDocument(
            order_id=order.order_id, practice_id=self.practice_id, lines=answers
        )
        ref = await self.store.put(
            practice_id=self.practice_id,
            kind="order-arrival",
            data=document.model_dump_json().encode(),
            media_type="application/json",
        )
        now, accepted = self.clock.now(), sum(one.accepted for one in answers)
        return OrderArrived(
            **self._names(order),
            evidence=ArrivalEvidence(kind="portal-status", reference="DBD-1", observed_at=now),
            accepted_count=accepted,
            refused_count=len(answers) - accepted,
            lines=ref,
            arrived_at=now,
        )

    def _names(self, order: OrderPrepared) -> dict[str, Any]:
        names = ("practice_id", "order_id", "contract_id")
        return {name: getattr(order, name) for name in names}

    def waiting(self, service: Service) -> Sequence[_Stream]:
        """Return the streams of which a service has not read everything."""
        return [key for key, events in self.streams.items() if service.read[key] < len(events)]

    async def deliver(self, service: Service, stream: _Stream) -> bool:
        """Let a service work the next event of a stream; False if it comes too early."""
        place = service.read[stream]
        payload = self.streams[stream][place]
        handler = service.table.get(type(payload))
        if handler is not None:
            before = deepcopy(service.uow)
            self.clock.advance(timedelta(seconds=1))
            event: ReceivedEvent[Any] = ReceivedEvent(
                event_id=self.id("event", *stream, place),
                source=stream[0],
                subject=stream[1],
                sequence=place + 1,
                practice_id=self.practice_id,
                occurred_at=self.clock.now(),
                correlation_id="test",
                causation_id=None,
                traceparent=None,
                payload=payload,
            )
            try:
                await handler(event, None)
            except TooEarlyError:
                service.uow = before
                return False
            except PermanentError as error:
                service.uow = before
                service.dead.append(f"{payload.TYPE}: {error}")
        service.read[stream] = place + 1
        self.say(*service.told())
        return True

    async def deliver_all(self, service: Service) -> bool:
        """Let a service work what waits for it, once each stream; False if nothing could be."""
        done = [await self.deliver(service, stream) for stream in self.waiting(service)]
        return any(done)

    async def settle(self) -> None:
        """Let everything that is under way come to its end."""
        moved = True
        while moved:
            moved = False
            for service in self.services:
                for stream in self.waiting(service):
                    moved = await self.deliver(service, stream) or moved
            if not moved and (open_ones := self._under_way()):
                self.send(look_back=True)
                await self.answer(0)
                moved = self._under_way() != open_ones
        assert not self._under_way()

    def _under_way(self) -> set[UUID]:
        return {order.order_id for order in self.prepared} - self.answered
