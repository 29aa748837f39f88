"""What the handlers need from the outside: rows, stored documents, a unit of work around both."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import date, datetime
from typing import Protocol
from uuid import UUID

from services.orders.domain.arrival_clock import DueArrival
from services.orders.domain.credit_note import CreditNote, PackedCreditNote, ReleasedCreditNote
from services.orders.domain.events import DomainEvent
from services.orders.domain.model import (
    ConfirmedLine,
    Contract,
    InFlight,
    Invoice,
    Observation,
    OrderLine,
    Practice,
    StoredContent,
)
from services.orders.domain.order import Order, Step
from services.orders.domain.policy import DuePolicy, Policy
from services.orders.domain.selection import Candidate, Reason
from services.orders.domain.task import DueTask, Task
from services.orders.ports.leaving import LeavingRepository
from shared.kernel.ids import ContractId, InvoiceId, OrderId, PracticeId
from shared.kernel.money import Money


class PracticeRepository(Protocol):
    """The known practices."""

    async def add(self, practice: Practice) -> bool:
        """Store a practice, or a canton that was not known; return False if nothing was new."""

    async def get(self, practice_id: PracticeId) -> Practice | None:
        """Return the practice, or None."""


class ContractRepository(Protocol):
    """The factoring contracts, each in its newest version."""

    async def keep_newest(self, contract: Contract) -> bool:
        """Store the contract unless the same or a newer version is stored; say whether it was."""

    async def get(self, practice_id: PracticeId, contract_id: ContractId) -> Contract | None:
        """Return the contract, or None."""

    async def active(self) -> list[Contract]:
        """Return the contracts in force of all practices in scope."""


class InvoiceRepository(Protocol):
    """The invoices that may be ordered, with their balance by the books."""

    async def add(self, invoice: Invoice) -> bool:
        """Store an invoice; return False if it is known already, and change nothing then.

        Raises:
            PermanentError: another invoice of the practice has this number.
        """

    async def exists(self, practice_id: PracticeId, invoice_id: InvoiceId) -> bool:
        """Whether the invoice is known."""

    async def set_balance(
        self,
        practice_id: PracticeId,
        invoice_id: InvoiceId,
        *,
        balance: Money,
        changed_at: datetime,
    ) -> bool:
        """Set the balance unless a later one is stored; say whether anything changed."""

    async def set_document(
        self,
        practice_id: PracticeId,
        invoice_id: InvoiceId,
        document: StoredContent,
        *,
        document_format: str,
    ) -> bool:
        """Set the document that the next order takes; say whether anything changed."""

    async def chosen(self, practice_id: PracticeId, invoice_ids: Sequence[UUID]) -> list[Candidate]:
        """Return those of the named invoices that the practice has, each with its live order."""

    async def not_in_live_order(
        self, practice_id: PracticeId, contract_id: ContractId
    ) -> list[Candidate]:
        """Return the contract's invoices that no live order holds."""

    async def not_acquitted(
        self, practice_id: PracticeId, contract_id: ContractId, *, told: Collection[Reason] = ()
    ) -> list[Candidate]:
        """Return the contract's invoices apart from those of acquitted and closed orders.

        Those in no live order on which nothing is owed, or which were cancelled, are returned only
        if their reason is among those that are to be told: there may be very many.
        """

    async def counted_only(
        self, practice_id: PracticeId, contract_id: ContractId, *, told: Collection[Reason] = ()
    ) -> dict[Reason, int]:
        """Return by reason how many invoices `not_acquitted` does not return for that."""

    async def hold(self, practice_id: PracticeId, invoice_ids: Sequence[UUID]) -> list[Invoice]:
        """Return invoices as they are now; nobody changes them until the transaction ends."""


class CorrectionRepository(Protocol):
    """Cancelled invoices, and the credit notes that go into the next order."""

    async def mark_cancelled(self, practice_id: PracticeId, invoice_id: InvoiceId) -> bool:
        """Take the invoice off the list of what may be ordered; False if it was off before."""

    async def holding_order(
        self, practice_id: PracticeId, invoice_id: InvoiceId
    ) -> tuple[OrderId, str] | None:
        """Return id and number of the live order that holds the invoice, or None."""

    async def add_credit_note(self, note: CreditNote) -> bool:
        """Keep a credit note; return False if it is known already, and change nothing then."""

    async def waiting_credit_notes(
        self, practice_id: PracticeId, contract_id: ContractId, *, limit: int
    ) -> list[PackedCreditNote]:
        """Return the first credit notes by number that the contract's next order takes along.

        Those that no live order holds, and whose invoice one does: a factor that does not have the
        invoice cannot reduce it.
        """

    async def claim_waiting_credit_notes(
        self, practice_id: PracticeId, contract_id: ContractId, *, limit: int
    ) -> list[PackedCreditNote]:
        """Return the same, held against other orders until the end of the transaction."""

    async def put_into_order(self, order: Order, credit_notes: Sequence[PackedCreditNote]) -> None:
        """Let a stored order hold these credit notes.

        Raises:
            CreditNoteInLiveOrderError: another live order holds one of them.
        """

    async def free_credit_notes(self, order_id: OrderId) -> None:
        """Let the credit notes of an order that came to nothing wait for the next one."""

    async def release_credit_notes(
        self,
        practice_id: PracticeId,
        *,
        on: date,
        order_id: OrderId | None,
        credit_note_id: UUID | None,
    ) -> list[ReleasedCreditNote]:
        """Release notes that wait although their invoice is in no live order any more.

        Their invoices are unfit for an order until the books have settled them.

        Args:
            order_id: only notes on invoices of this order.
            credit_note_id: only this note.
        """

    async def settle_credit_note(
        self, practice_id: PracticeId, invoice_id: InvoiceId, credit_note_id: UUID
    ) -> bool:
        """Note that the books have settled a released note; the last one lets its invoice go."""

    async def set_line_aside(
        self, practice_id: PracticeId, invoice_id: InvoiceId, *, set_aside: bool
    ) -> None:
        """Note whether the books set the invoice's line in its live order aside."""

    async def set_line_given_back(
        self, practice_id: PracticeId, invoice_id: InvoiceId, *, given_back: bool, by: UUID | None
    ) -> OrderId | None:
        """Let the invoice leave the accepted order that the factor gave it back from, or return.

        It returns only while no newer order holds it. Return the accepted order, or None if nothing
        changed.
        """


class OrderRepository(Protocol):
    """Orders, their lines and their facts."""

    async def next_count(self, practice_id: PracticeId, *, factor: str, year: int) -> int:
        """Take the next order count of practice, factor and year: 1, 2, 3, ... without a gap.

        Whoever has taken one holds back the others until the end of the transaction.

        Raises:
            OrderBeingPreparedError: another transaction has held it for too long.
        """

    async def in_flight(self, practice_id: PracticeId, contract_id: ContractId) -> InFlight | None:
        """Return the order that closes the gate of practice and contract, or None."""

    async def add(self, order: Order, lines: Sequence[OrderLine]) -> None:
        """Store a new order with its lines and facts.

        Raises:
            OrderInFlightError: the gate is closed by another order (P2).
            InvoiceInLiveOrderError: another live order holds one of the invoices (P3).
        """

    async def get_for_update(self, practice_id: PracticeId, order_id: OrderId) -> Order | None:
        """Return the order and hold it against concurrent moves, or None."""

    async def save(self, step: Step) -> None:
        """Store a move: the added facts, the state, and the confirmation if there is one now."""

    async def lines(self, order_id: OrderId) -> list[OrderLine]:
        """Return all lines, in package order."""

    async def confirmed_lines(self, order_id: OrderId) -> list[ConfirmedLine]:
        """Return what became of each line of a confirmed order, in package order."""

    async def settle_lines(self, order_id: OrderId, lines: Sequence[ConfirmedLine]) -> None:
        """Store what became of each line; a refused one leaves the order."""

    async def refuse_lines(self, order_id: OrderId, *, refusal_code: str) -> None:
        """Let every line leave the order with the same code."""

    async def free_lines(self, order_id: OrderId) -> None:
        """Let every line leave an order that was withdrawn."""

    async def want_line_back(self, order_id: OrderId, invoice_id: UUID) -> None:
        """Note that this invoice shall not stay in the order."""

    async def rest_of(self, order_id: OrderId) -> list[OrderLine]:
        """Return the lines for which the order was not taken back, in package order."""

    async def add_observation(
        self, order: Order, observation: Observation, *, recorded_at: datetime
    ) -> None:
        """Keep what a person said to have seen of the order's arrival; once per order."""


class ArrivalRepository(Protocol):
    """Until when orders on their way must have arrived."""

    async def due(self, *, now: datetime, limit: int) -> list[DueArrival]:
        """Return orders on their way whose deadline has passed unsaid, or is to be set."""

    async def set_deadline(self, order_id: OrderId, deadline: datetime) -> None:
        """Keep the deadline of an order on its way."""

    async def forget_deadlines(
        self, practice_id: PracticeId, *, contract_id: ContractId | None = None
    ) -> None:
        """Let deadlines that have not passed be set anew, of one contract or of all."""


class TaskRepository(Protocol):
    """What is to be prepared without a person waiting, and what came of it."""

    async def add(self, tasks: Sequence[Task]) -> int:
        """Put tasks into the queue; one of a schedule's slot is put there once. Return how many."""

    async def due(self, *, now: datetime, limit: int) -> list[DueTask]:
        """Return tasks that wait and whose time has come, the oldest first."""

    async def take(self, task_id: UUID) -> Task | None:
        """Return a waiting task held for this unit of work, or None: settled, or in other hands."""

    async def save(self, task: Task) -> None:
        """Store what came of a task."""

    async def give_up_slots(
        self, practice_id: PracticeId, contract_id: ContractId, *, at: datetime
    ) -> None:
        """Settle slots of a contract's schedule that wait for an order in flight."""


class PolicyRepository(Protocol):
    """When orders of a contract are prepared by themselves."""

    async def get(self, practice_id: PracticeId, contract_id: ContractId) -> Policy | None:
        """Return the contract's policy, held against concurrent changes, or None."""

    async def save(self, policy: Policy, *, replaces: int) -> bool:
        """Store a policy in the place of this version of it; 0: of none.

        Returns False, and stores nothing, if another one is there.
        """

    async def remove(self, practice_id: PracticeId, contract_id: ContractId) -> bool:
        """Forget a policy; say whether there was one."""

    async def due(self, *, now: datetime, limit: int) -> list[DuePolicy]:
        """Return policies whose next run is due."""

    async def take(self, contract_id: UUID, *, now: datetime) -> Policy | None:
        """Return a due policy held for this unit of work, or None."""


class Holidays(Protocol):
    """The public holidays of Switzerland."""

    def is_holiday(self, day: date, canton: str | None) -> bool:
        """Whether nobody works on this day; without a canton only where that holds everywhere."""


class UnitOfWork(Protocol):
    """One transaction's repositories; whoever opened the transaction commits it."""

    @property
    def practices(self) -> PracticeRepository:
        """The practices."""

    @property
    def contracts(self) -> ContractRepository:
        """The contracts."""

    @property
    def invoices(self) -> InvoiceRepository:
        """The invoices."""

    @property
    def corrections(self) -> CorrectionRepository:
        """What invoicing corrected after an invoice was issued."""

    @property
    def orders(self) -> OrderRepository:
        """The orders."""

    @property
    def arrivals(self) -> ArrivalRepository:
        """The arrival clock."""

    @property
    def leavings(self) -> LeavingRepository:
        """Which orders do not leave."""

    @property
    def tasks(self) -> TaskRepository:
        """The queue of orders to prepare."""

    @property
    def policies(self) -> PolicyRepository:
        """The schedules of orders."""

    async def stay_awake(self) -> None:
        """Let the database see that the transaction is not forgotten while other work is done."""

    def record(self, event: DomainEvent) -> None:
        """Tell the others, when and only when this unit of work succeeds."""


class UnitsOfWork(Protocol):
    """Opens units of work for timers, which have no transaction of their own around a call."""

    def begin(self, practice_id: UUID | None) -> AbstractAsyncContextManager[UnitOfWork]:
        """Open one for a practice's rows, or (None) for the due work of all practices."""
