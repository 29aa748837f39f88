"""The ports of reconciliation in memory, for the use cases that events and requests set in motion.

What they promise is what PostgreSQL promises: tests/integration/reconciliation/test_ports.py runs
the same expectations on both.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from uuid import UUID

from services.reconciliation.domain.accounts import Chart, LedgerAccount
from services.reconciliation.domain.dunning import OrderOutcome
from services.reconciliation.domain.events import DomainEvent
from services.reconciliation.domain.journal import GENESIS_HASH, ChainedEntry, Entry, Head, chained
from services.reconciliation.domain.model import (
    Acquittal,
    Confirmation,
    ConfirmationLine,
    Contract,
    Debt,
    Fact,
    FetchedFile,
    LiveAcquittal,
    NewInvoice,
    Position,
    Practice,
    PreparedOrder,
)
from services.reconciliation.domain.periods import (
    ClosingBalance,
    PeriodAction,
    PeriodDecision,
    in_open_period,
)
from services.reconciliation.domain.rules import CANCELLED, CREDIT_SETTLED
from services.reconciliation.domain.setting_aside import AcquittalException, ExceptionDecision
from shared.kernel.errors import PermanentError
from shared.kernel.money import Money


@dataclass
class MemoryPractices:
    """Practices, contracts and charts in dictionaries."""

    known: dict[UUID, Practice] = field(default_factory=dict)
    accounts: dict[UUID, list[LedgerAccount]] = field(default_factory=dict)
    contracts: dict[UUID, Contract] = field(default_factory=dict)

    async def register(self, practice: Practice, chart: Sequence[LedgerAccount]) -> bool:
        if practice.practice_id in self.known:
            return False
        self.known[practice.practice_id] = practice
        self.accounts[practice.practice_id] = list(chart)
        return True

    async def chart(self, practice_id: UUID) -> Chart:
        return Chart(self.accounts[practice_id])

    async def open_account(self, practice_id: UUID, account: LedgerAccount) -> None:
        self.accounts[practice_id].append(account)

    async def contract(self, contract_id: UUID) -> Contract | None:
        return self.contracts.get(contract_id)

    async def save_contract(self, contract: Contract) -> None:
        self.contracts[contract.contract_id] = contract


@dataclass
class MemoryPeriods:
    """Closings and reopenings of one practice in a list; balances are those of the journal."""

    decisions: list[PeriodDecision] = field(default_factory=list)
    books: MemoryBooks | None = None

    @property
    def closed_until(self) -> date | None:
        return self.decisions[-1].closed_until if self.decisions else None

    async def latest(self, practice_id: UUID) -> PeriodDecision | None:
        return self.decisions[-1] if self.decisions else None

    async def in_force(self, practice_id: UUID) -> list[PeriodDecision]:
        reopened = {one.reopens for one in self.decisions}
        held = [
            one
            for one in self.decisions
            if one.action is PeriodAction.CLOSE and one.closing_id not in reopened
        ]
        return sorted(held, key=lambda one: one.until, reverse=True)

    async def end_of_day(
        self, practice_id: UUID, day: date
    ) -> tuple[Head, tuple[ClosingBalance, ...]]:
        assert self.books is not None
        assert practice_id in self.books.locked
        debit: Counter[str] = Counter()
        credit: Counter[str] = Counter()
        for link in self.books.journal:
            for posting in link.entry.postings if link.entry.entry_date <= day else ():
                side = debit if posting.amount.rappen > 0 else credit
                side[posting.account] += abs(posting.amount.rappen)
        accounts = [one.number for one in self.books.practices.accounts[practice_id]]
        return self.books.head, tuple(
            ClosingBalance(one, Money(debit[one]), Money(credit[one])) for one in sorted(accounts)
        )

    async def store(self, decision: PeriodDecision) -> None:
        self.decisions.append(decision)


@dataclass
class MemoryBooks:
    """The journal in a list, positions in a dictionary."""

    practices: MemoryPractices
    invoices: dict[UUID, NewInvoice] = field(default_factory=dict)
    current: dict[UUID, Position] = field(default_factory=dict)
    journal: list[ChainedEntry] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)
    cancelled_at: dict[UUID, datetime] = field(default_factory=dict)
    acquittals: list[Acquittal] = field(default_factory=list)
    locked: set[UUID] = field(default_factory=set)
    head: Head = field(default_factory=lambda: Head(0, GENESIS_HASH))
    periods: MemoryPeriods = field(default_factory=MemoryPeriods)

    async def lock(self, practice_id: UUID) -> bool:
        if practice_id not in self.practices.known:
            return False
        self.locked.add(practice_id)
        return True

    async def positions(self, invoice_ids: Collection[UUID]) -> Mapping[UUID, Position]:
        return {one: self.current[one] for one in invoice_ids if one in self.current}

    async def open_position(self, invoice: NewInvoice) -> bool:
        if invoice.invoice_id in self.invoices:
            return False
        if any(
            (known.practice_id, known.invoice_number)
            == (invoice.practice_id, invoice.invoice_number)
            for known in self.invoices.values()
        ):
            raise PermanentError(f"invoice number {invoice.invoice_number} is taken")
        self.invoices[invoice.invoice_id] = invoice
        self.current[invoice.invoice_id] = Position(
            invoice.invoice_id,
            invoice.invoice_number,
            invoice.contract_id,
            invoice.debtor_number,
            invoice.issued_on,
            Debt(),
        )
        return True

    async def book(
        self,
        practice_id: UUID,
        *,
        entries: Sequence[Entry],
        facts: Sequence[Fact],
        positions: Sequence[Position],
        acquittals: Sequence[Acquittal] = (),
    ) -> None:
        assert practice_id in self.locked, "every writer takes the practice's lock first"
        assert all(entry.is_balanced for entry in entries)
        entries = in_open_period(entries, self.periods.closed_until)
        links, self.head = chained(self.head, entries)
        self.journal += links
        self.facts += facts
        self.acquittals += acquittals
        for one in acquittals:
            live = LiveAcquittal(one.order_id, one.contract_id, one.ledger_account)
            self.current[one.invoice_id] = replace(self.current[one.invoice_id], acquittal=live)
        for moved in positions:
            self.current[moved.invoice_id] = replace(
                self.current[moved.invoice_id], debt=moved.debt, factor_owes=moved.factor_owes
            )

    async def issued_amounts(self, invoice_id: UUID) -> tuple[Money, Money]:
        invoice = self.invoices[invoice_id]
        return invoice.total, invoice.deposit

    async def has_fact(self, fact_id: UUID) -> bool:
        return any(fact.fact_id == fact_id for fact in self.facts)

    async def settled_credit(self, invoice_id: UUID) -> Money:
        return Money.total(
            fact.amount or Money.zero()
            for fact in self.facts
            if (fact.kind, fact.invoice_id) == (CREDIT_SETTLED, invoice_id)
        )

    async def cancelled_among(self, invoice_ids: Collection[UUID]) -> Collection[UUID]:
        cancelled = {fact.invoice_id for fact in self.facts if fact.kind == CANCELLED}
        return cancelled & set(invoice_ids)

    async def note_cancelled(self, practice_id: UUID, invoice_id: UUID, *, at: datetime) -> None:
        self.cancelled_at[invoice_id] = at

    async def acquitted_sums(self, order_id: UUID) -> tuple[int, Money]:
        amounts = [one.amount for one in self.acquittals if one.order_id == order_id]
        return len(amounts), Money.total(amounts)


@dataclass
class MemoryExceptions:
    """Lines that were set aside, and what persons decided, in dictionaries."""

    books: MemoryBooks
    kept: dict[UUID, AcquittalException] = field(default_factory=dict)
    decisions: list[ExceptionDecision] = field(default_factory=list)

    async def add(self, exceptions: Sequence[AcquittalException]) -> None:
        for one in exceptions:
            assert one.exception_id not in self.kept, "a line is set aside once for a reason"
            self.kept[one.exception_id] = one

    async def find(self, practice_id: UUID, exception_id: UUID) -> AcquittalException | None:
        found = self.kept.get(exception_id)
        return found if found is not None and found.practice_id == practice_id else None

    async def count_open(self, order_id: UUID) -> int:
        acquitted = {one.invoice_id for one in self.books.acquittals if one.order_id == order_id}
        mine = (one for one in self.kept.values() if one.order_id == order_id)
        return sum(one.invoice_id not in acquitted for one in mine)

    async def settle(self, decision: ExceptionDecision) -> None:
        self.decisions.append(decision)
        settled = replace(decision.exception, is_settled=True)
        self.kept[settled.exception_id] = settled


@dataclass
class MemoryDunning:
    """Lines and ends of orders in dictionaries."""

    lines: dict[UUID, tuple[UUID, ...]] = field(default_factory=dict)
    ends: dict[UUID, tuple[OrderOutcome, datetime]] = field(default_factory=dict)

    async def note_lines(
        self, practice_id: UUID, order_id: UUID, invoice_ids: Collection[UUID]
    ) -> None:
        self.lines.setdefault(order_id, tuple(invoice_ids))

    async def note_end(
        self, practice_id: UUID, order_id: UUID, outcome: OrderOutcome, *, at: datetime
    ) -> bool:
        if order_id in self.ends:
            return False
        self.ends[order_id] = (outcome, at)
        return True


@dataclass
class MemoryConfirmations:
    """Orders and confirmations in dictionaries."""

    orders: dict[UUID, PreparedOrder] = field(default_factory=dict)
    known: dict[UUID, Confirmation] = field(default_factory=dict)
    lines: dict[UUID, list[ConfirmationLine]] = field(default_factory=dict)

    async def note_order(self, order: PreparedOrder) -> bool:
        if order.order_id in self.orders:
            return False
        self.orders[order.order_id] = order
        return True

    async def is_order_known(self, order_id: UUID) -> bool:
        return order_id in self.orders

    async def find(self, order_id: UUID) -> Confirmation | None:
        return self.known.get(order_id)

    async def store(self, confirmation: Confirmation, lines: Sequence[ConfirmationLine]) -> None:
        if any(
            (known.practice_id, known.order_number)
            == (confirmation.practice_id, confirmation.order_number)
            for known in self.known.values()
        ):
            raise PermanentError(f"order number {confirmation.order_number} is taken")
        self.known[confirmation.order_id] = confirmation
        self.lines[confirmation.order_id] = sorted(lines, key=lambda line: line.line)

    async def accepted_invoices(self, order_id: UUID) -> Mapping[UUID, Money]:
        return {line.invoice_id: line.amount for line in self.lines[order_id] if line.accepted}

    async def mark_acquitted(self, order_id: UUID, *, on: date, at: datetime) -> None:
        self.known[order_id] = replace(self.known[order_id], acquitted_on=on)


@dataclass
class MemoryDebFiles:
    """Registered DEB files by practice and content; rows are not kept in memory.

    Attributes:
        resumed: what was asked to come back: invoice numbers, reasons, and an order number.
    """

    known: dict[tuple[UUID, str], FetchedFile] = field(default_factory=dict)
    deliveries: list[tuple[UUID, datetime]] = field(default_factory=list)
    resumed: list[tuple[tuple[str, ...], frozenset[str], str | None]] = field(default_factory=list)

    async def resume_rows(
        self,
        practice_id: UUID,
        positions: Sequence[Position],
        *,
        reasons: Collection[str],
        order_number: str | None = None,
    ) -> int:
        numbers = tuple(position.invoice_number for position in positions)
        self.resumed.append((numbers, frozenset(reasons), order_number))
        return 0

    async def register(self, file: FetchedFile, *, received_at: datetime) -> bool:
        key = (file.practice_id, file.content.sha256)
        self.deliveries.append((self.known.get(key, file).deb_file_id, received_at))
        if key in self.known:
            return False
        self.known[key] = file
        return True


class MemoryUnitOfWork:
    """All repositories in memory, and the events that were recorded."""

    def __init__(self) -> None:
        self.practices = MemoryPractices()
        self.books = MemoryBooks(self.practices)
        self.confirmations = MemoryConfirmations()
        self.exceptions = MemoryExceptions(self.books)
        self.deb_files = MemoryDebFiles()
        self.periods = self.books.periods
        self.periods.books = self.books
        self.dunning = MemoryDunning()
        self.recorded: list[DomainEvent] = []

    def record(self, event: DomainEvent) -> None:
        self.recorded.append(event)

    @property
    def told(self) -> list[str]:
        """The names of the recorded events."""
        return [type(event).__name__ for event in self.recorded]
