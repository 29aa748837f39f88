"""Orders, invoices and corrections in memory."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import date, datetime
from uuid import UUID

from services.orders.domain.credit_note import (
    CANCELLED,
    CREDIT_NOTE_PENDING,
    CreditNote,
    PackedCreditNote,
    ReleasedCreditNote,
)
from services.orders.domain.errors import InvoiceInLiveOrderError, OrderInFlightError
from services.orders.domain.model import (
    ConfirmedLine,
    InFlight,
    Invoice,
    Observation,
    OrderLine,
    StoredContent,
)
from services.orders.domain.order import IN_FLIGHT, Order, OrderState, Step
from services.orders.domain.selection import Candidate, LiveOrder, Reason
from shared.kernel.ids import ContractId, InvoiceId, OrderId, PracticeId
from shared.kernel.money import Money


class FakeCorrections:
    """Cancelled invoices and credit notes in memory."""

    def __init__(self, orders: FakeOrders, invoices: FakeInvoices) -> None:
        self.cancelled: set[InvoiceId] = set()
        self.notes: dict[UUID, CreditNote] = {}
        self.held: dict[UUID, UUID] = {}
        self.released: set[UUID] = set()
        self.settled: set[UUID] = set()
        self.set_aside: set[UUID] = set()
        self._orders = orders
        self._invoices = invoices

    async def mark_cancelled(self, practice_id: PracticeId, invoice_id: InvoiceId) -> bool:
        new = invoice_id not in self.cancelled
        self.cancelled.add(invoice_id)
        self._invoices.mark(invoice_id, CANCELLED, on=True)
        return new

    async def holding_order(
        self, practice_id: PracticeId, invoice_id: InvoiceId
    ) -> tuple[OrderId, str] | None:
        order = self._orders.live_order_of(invoice_id)
        return None if order is None else (order.order_id, order.number)

    async def add_credit_note(self, note: CreditNote) -> bool:
        return self.notes.setdefault(note.credit_note_id, note) is note

    async def waiting_credit_notes(
        self, practice_id: PracticeId, contract_id: ContractId, *, limit: int
    ) -> list[PackedCreditNote]:
        waiting = [
            note
            for note in sorted(self.notes.values(), key=lambda each: each.number)
            if (note.practice_id, note.contract_id) == (practice_id, contract_id)
            and note.credit_note_id not in self.held
            and note.credit_note_id not in self.released
            and self._orders.live_order_of(note.invoice_id) is not None
        ]
        return [
            PackedCreditNote(
                place=place,
                credit_note_id=note.credit_note_id,
                number=note.number,
                invoice_number=self._invoices.known[note.invoice_id].number,
                debtor_number=note.debtor_number,
                amount=note.amount,
                document=note.document,
            )
            for place, note in enumerate(waiting[:limit], start=1)
        ]

    claim_waiting_credit_notes = waiting_credit_notes

    async def put_into_order(self, order: Order, credit_notes: Sequence[PackedCreditNote]) -> None:
        for note in credit_notes:
            assert note.credit_note_id not in self.held, "a credit note is in one live order"
            self.held[note.credit_note_id] = order.order_id

    async def free_credit_notes(self, order_id: OrderId) -> None:
        self.held = {note: order for note, order in self.held.items() if order != order_id}

    async def release_credit_notes(
        self,
        practice_id: PracticeId,
        *,
        on: date,
        order_id: OrderId | None,
        credit_note_id: UUID | None,
    ) -> list[ReleasedCreditNote]:
        released = []
        for note in sorted(self.notes.values(), key=lambda each: each.number):
            orders = self._orders.orders_of(note.invoice_id)
            wanted = order_id in {None, *orders} and credit_note_id in {None, note.credit_note_id}
            free = note.credit_note_id not in self.released | self.held.keys()
            if not (wanted and free and orders) or self._orders.live_order_of(note.invoice_id):
                continue
            self.released.add(note.credit_note_id)
            self._invoices.mark(note.invoice_id, CREDIT_NOTE_PENDING, on=True)
            released.append(
                ReleasedCreditNote(
                    credit_note_id=note.credit_note_id,
                    practice_id=note.practice_id,
                    contract_id=note.contract_id,
                    invoice_id=note.invoice_id,
                    order_id=orders[-1],
                    number=note.number,
                    amount=note.amount,
                )
            )
        return released

    async def settle_credit_note(
        self, practice_id: PracticeId, invoice_id: InvoiceId, credit_note_id: UUID
    ) -> bool:
        new = credit_note_id in self.released - self.settled
        self.settled |= {credit_note_id} & self.released
        pending = {self.notes[one].invoice_id for one in self.released - self.settled}
        if invoice_id not in pending:
            self._invoices.mark(invoice_id, CREDIT_NOTE_PENDING, on=False)
        return new

    async def set_line_aside(
        self, practice_id: PracticeId, invoice_id: InvoiceId, *, set_aside: bool
    ) -> None:
        self.set_aside -= {invoice_id}
        self.set_aside |= {invoice_id} if set_aside else set()

    async def set_line_given_back(
        self, practice_id: PracticeId, invoice_id: InvoiceId, *, given_back: bool, by: UUID | None
    ) -> OrderId | None:
        order = self._orders.live_order_of(invoice_id)
        if given_back:
            if order is not None and by not in {None, order.order_id}:
                return None
            accepted = order is not None and any(
                line.accepted and line.invoice_id == invoice_id
                for line in self._orders.settled.get(order.order_id, [])
            )
            if order is None or not accepted or invoice_id in self.set_aside:
                return None
            self._orders.given_back.setdefault(order.order_id, set()).add(invoice_id)
            return order.order_id
        former = [one for one, ids in self._orders.given_back.items() if invoice_id in ids]
        if order is not None or not former:
            return None
        self._orders.given_back[former[-1]].remove(invoice_id)
        return self._orders.known[former[-1]].order_id


class FakeOrders:
    """Orders in dictionaries."""

    def __init__(self) -> None:
        self.known: dict[UUID, Order] = {}
        self.order_lines: dict[UUID, list[OrderLine]] = {}
        self.settled: dict[UUID, list[ConfirmedLine]] = {}
        self.counts: dict[tuple[UUID, str, int], int] = {}
        self.freed: set[UUID] = set()
        self.wanted_back: dict[UUID, set[UUID]] = {}
        self.given_back: dict[UUID, set[UUID]] = {}
        self.observations: dict[UUID, Observation] = {}

    def live_order_of(self, invoice_id: UUID) -> Order | None:
        for order_id, lines in self.order_lines.items():
            refused = {
                line.invoice_id for line in self.settled.get(order_id, []) if not line.accepted
            }
            gone = refused | self.given_back.get(order_id, set())
            if order_id in self.freed or invoice_id in gone:
                continue
            if any(line.invoice_id == invoice_id for line in lines):
                return self.known[order_id]
        return None

    def orders_of(self, invoice_id: UUID) -> list[OrderId]:
        return [
            self.known[order_id].order_id
            for order_id, lines in self.order_lines.items()
            if any(line.invoice_id == invoice_id for line in lines)
        ]

    async def next_count(self, practice_id: PracticeId, *, factor: str, year: int) -> int:
        key = (practice_id, factor, year)
        self.counts[key] = self.counts.get(key, 0) + 1
        return self.counts[key]

    async def in_flight(self, practice_id: PracticeId, contract_id: ContractId) -> InFlight | None:
        for order in self.known.values():
            parties = (order.practice_id, order.contract_id)
            if parties == (practice_id, contract_id) and order.state in IN_FLIGHT:
                return InFlight(order.order_id, order.number, order.state.value, order.since)
        return None

    async def add(self, order: Order, lines: Sequence[OrderLine]) -> None:
        winner = await self.in_flight(order.practice_id, order.contract_id)
        if winner is not None:
            raise OrderInFlightError(winner)
        if any(self.live_order_of(line.invoice_id) for line in lines):
            raise InvoiceInLiveOrderError
        self.known[order.order_id] = order
        self.order_lines[order.order_id] = list(lines)

    async def get_for_update(self, practice_id: PracticeId, order_id: OrderId) -> Order | None:
        order = self.known.get(order_id)
        return order if order and order.practice_id == practice_id else None

    async def save(self, step: Step) -> None:
        self.known[step.order.order_id] = step.order

    async def lines(self, order_id: OrderId) -> list[OrderLine]:
        return self.order_lines[order_id]

    async def confirmed_lines(self, order_id: OrderId) -> list[ConfirmedLine]:
        return self.settled.get(order_id, [])

    async def settle_lines(self, order_id: OrderId, lines: Sequence[ConfirmedLine]) -> None:
        self.settled[order_id] = list(lines)

    async def refuse_lines(self, order_id: OrderId, *, refusal_code: str) -> None:
        self.settled[order_id] = [
            ConfirmedLine(line.invoice_id, line.invoice_number, line.amount, refusal_code)
            for line in self.order_lines[order_id]
        ]

    async def free_lines(self, order_id: OrderId) -> None:
        self.freed.add(order_id)

    async def want_line_back(self, order_id: OrderId, invoice_id: UUID) -> None:
        self.wanted_back.setdefault(order_id, set()).add(invoice_id)

    async def rest_of(self, order_id: OrderId) -> list[OrderLine]:
        wanted = self.wanted_back.get(order_id, set())
        return [one for one in self.order_lines[order_id] if one.invoice_id not in wanted]

    async def add_observation(
        self, order: Order, observation: Observation, *, recorded_at: datetime
    ) -> None:
        assert order.order_id not in self.observations, "an arrival is observed once"
        self.observations[order.order_id] = observation


class FakeInvoices:
    """Invoices in a dictionary."""

    def __init__(self, orders: FakeOrders) -> None:
        self.known: dict[UUID, Invoice] = {}
        self.changed_at: dict[UUID, datetime] = {}
        self._orders = orders

    async def add(self, invoice: Invoice) -> bool:
        if invoice.invoice_id in self.known:
            return False
        self.known[invoice.invoice_id] = invoice
        return True

    async def exists(self, practice_id: PracticeId, invoice_id: InvoiceId) -> bool:
        return invoice_id in self.known

    async def set_document(
        self,
        practice_id: PracticeId,
        invoice_id: InvoiceId,
        document: StoredContent,
        *,
        document_format: str,
    ) -> bool:
        before = self.known[invoice_id]
        after = replace(before, document=document, document_format=document_format)
        self.known[invoice_id] = after
        return after != before

    async def set_balance(
        self,
        practice_id: PracticeId,
        invoice_id: InvoiceId,
        *,
        balance: Money,
        changed_at: datetime,
    ) -> bool:
        before = self.changed_at.get(invoice_id)
        invoice = self.known[invoice_id]
        if before is not None and (before, invoice.balance) == (changed_at, balance):
            return False
        if before is not None and before > changed_at:
            return False
        self.known[invoice_id] = replace(invoice, balance=balance)
        self.changed_at[invoice_id] = changed_at
        return True

    async def chosen(self, practice_id: PracticeId, invoice_ids: Sequence[UUID]) -> list[Candidate]:
        return [
            self._candidate(invoice)
            for invoice in self.known.values()
            if invoice.invoice_id in set(invoice_ids) and invoice.practice_id == practice_id
        ]

    async def not_in_live_order(
        self, practice_id: PracticeId, contract_id: ContractId
    ) -> list[Candidate]:
        found = [
            self._candidate(invoice)
            for invoice in self.known.values()
            if (invoice.practice_id, invoice.contract_id) == (practice_id, contract_id)
        ]
        return [candidate for candidate in found if candidate.live_order is None]

    async def not_acquitted(
        self, practice_id: PracticeId, contract_id: ContractId, *, told: Collection[Reason] = ()
    ) -> list[Candidate]:
        gone = {OrderState.ACQUITTED, OrderState.CLOSED}
        found = [
            self._candidate(invoice)
            for invoice in self.known.values()
            if (invoice.practice_id, invoice.contract_id) == (practice_id, contract_id)
        ]
        return [each for each in found if not each.live_order or each.live_order.state not in gone]

    async def counted_only(
        self, practice_id: PracticeId, contract_id: ContractId, *, told: Collection[Reason] = ()
    ) -> dict[Reason, int]:
        return {}

    async def hold(self, practice_id: PracticeId, invoice_ids: Sequence[UUID]) -> list[Invoice]:
        return [self.known[one] for one in invoice_ids if one in self.known]

    def mark(self, invoice_id: UUID, code: str, *, on: bool) -> None:
        invoice = self.known[invoice_id]
        others = tuple(one for one in invoice.unfit_codes if one != code)
        self.known[invoice_id] = replace(invoice, unfit_codes=(*others, code) if on else others)

    def _candidate(self, invoice: Invoice) -> Candidate:
        order = self._orders.live_order_of(invoice.invoice_id)
        live = LiveOrder(order.number, order.state.value) if order else None
        former = self._orders.given_back.values()
        return Candidate(invoice, live, any(invoice.invoice_id in ids for ids in former))
