"""What the handlers need from the outside: rows, stored documents, a unit of work around both."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from services.orders.domain.events import DomainEvent
from services.orders.domain.model import (
    Arrival,
    ConfirmedLine,
    Contract,
    InFlight,
    Invoice,
    OrderLine,
    Practice,
    StoredContent,
)
from services.orders.domain.order import Order, Step
from services.orders.domain.selection import Candidate
from shared.kernel.ids import ContractId, InvoiceId, OrderId, PracticeId
from shared.kernel.money import Money


class PracticeRepository(Protocol):
    """The known practices."""

    async def add(self, practice: Practice) -> bool:
        """Store a practice; return False if it is known already, and change nothing then."""

    async def get(self, practice_id: PracticeId) -> Practice | None:
        """Return the practice, or None."""


class ContractRepository(Protocol):
    """The factoring contracts, each in its newest version."""

    async def keep_newest(self, contract: Contract) -> bool:
        """Store the contract unless the same or a newer version is stored; say whether it was."""

    async def get(self, practice_id: PracticeId, contract_id: ContractId) -> Contract | None:
        """Return the contract, or None."""


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

    async def chosen(self, practice_id: PracticeId, invoice_ids: Sequence[UUID]) -> list[Candidate]:
        """Return those of the named invoices that the practice has, each with its live order."""

    async def not_in_live_order(
        self, practice_id: PracticeId, contract_id: ContractId
    ) -> list[Candidate]:
        """Return the contract's invoices that no live order holds."""


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
    def orders(self) -> OrderRepository:
        """The orders."""

    def record(self, event: DomainEvent) -> None:
        """Tell the others, when and only when this unit of work succeeds."""


class DocumentArchive(Protocol):
    """The stored documents of a practice.

    Every method raises TransientError when the archive does not answer, and PermanentError when
    what it holds is not what was announced.
    """

    async def invoice_document(self, practice_id: PracticeId, content: StoredContent) -> bytes:
        """Return an invoice's bytes, checked against their hash.

        Raises:
            PermanentError: they are damaged or missing.
            TransientError: the archive did not answer.
        """

    async def store_package(self, practice_id: PracticeId, package: bytes) -> StoredContent:
        """Store a package under its hash."""

    async def package(self, practice_id: PracticeId, content: StoredContent) -> bytes:
        """Return a stored package, checked against its hash."""

    async def store_lines(
        self, practice_id: PracticeId, order_id: OrderId, lines: Sequence[OrderLine]
    ) -> StoredContent:
        """Store the document that lists the lines of an order."""

    async def store_confirmation(
        self, practice_id: PracticeId, order_id: OrderId, lines: Sequence[ConfirmedLine]
    ) -> StoredContent:
        """Store the document that says of each line whether it was accepted."""

    async def arrival(self, practice_id: PracticeId, content: StoredContent) -> Arrival:
        """Return the portal's answer that the gateway stored.

        Raises:
            ContractError: the bytes are not such an answer.
        """
