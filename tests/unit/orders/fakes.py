"""The ports of orders in memory, bound by the same rules as the tables."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from uuid import UUID

from services.orders.domain.events import DomainEvent
from services.orders.domain.model import (
    Arrival,
    ConfirmedLine,
    Contract,
    OrderLine,
    Practice,
    StoredContent,
)
from services.orders.domain.policy import DuePolicy, Policy
from services.orders.domain.task import ORDER_IN_FLIGHT, DueTask, Task, TaskStatus
from services.orders.ports.archive import KeptPackage
from services.orders.translate import confirmation_document, lines_document
from shared.kernel.errors import PermanentError, TransientError
from shared.kernel.ids import ContractId, OrderId, PracticeId
from tests.unit.orders.fake_orders import FakeCorrections, FakeInvoices, FakeOrders
from tests.unit.orders.fakes_arrivals import FakeArrivals
from tests.unit.orders.fakes_leavings import FakeLeavings


class FakePractices:
    """Practices in a dictionary."""

    def __init__(self) -> None:
        self.known: dict[UUID, Practice] = {}

    async def add(self, practice: Practice) -> bool:
        if practice.practice_id in self.known:
            return False
        self.known[practice.practice_id] = practice
        return True

    async def get(self, practice_id: PracticeId) -> Practice | None:
        return self.known.get(practice_id)


class FakeContracts:
    """Contracts in a dictionary."""

    def __init__(self) -> None:
        self.known: dict[UUID, Contract] = {}

    async def keep_newest(self, contract: Contract) -> bool:
        known = self.known.get(contract.contract_id)
        if known is not None and known.version >= contract.version:
            return False
        self.known[contract.contract_id] = contract
        return True

    async def get(self, practice_id: PracticeId, contract_id: ContractId) -> Contract | None:
        contract = self.known.get(contract_id)
        return contract if contract and contract.practice_id == practice_id else None

    async def active(self) -> list[Contract]:
        return [contract for contract in self.known.values() if contract.active]


class FakeTasks:
    """The queue in a dictionary; a slot is queued once."""

    def __init__(self) -> None:
        self.known: dict[UUID, Task] = {}

    async def add(self, tasks: Sequence[Task]) -> int:
        slots = {(task.contract_id, task.slot) for task in self.known.values() if task.slot}
        new = [
            task
            for task in tasks
            if task.task_id not in self.known and (task.contract_id, task.slot) not in slots
        ]
        self.known |= {task.task_id: task for task in new}
        return len(new)

    async def due(self, *, now: datetime, limit: int) -> list[DueTask]:
        return [
            DueTask(task.task_id, task.practice_id)
            for task in self.known.values()
            if task.status is TaskStatus.WAITING and task.next_try_at <= now
        ][:limit]

    async def take(self, task_id: UUID) -> Task | None:
        task = self.known.get(task_id)
        return task if task and task.status is TaskStatus.WAITING else None

    async def save(self, task: Task) -> None:
        self.known[task.task_id] = task

    async def give_up_slots(
        self, practice_id: PracticeId, contract_id: ContractId, *, at: datetime
    ) -> None:
        for task in self.known.values():
            waits = task.status is TaskStatus.WAITING and task.code == ORDER_IN_FLIGHT
            if task.slot and waits and task.contract_id == contract_id:
                given_up = replace(task, status=TaskStatus.IN_FLIGHT, settled_at=at)
                self.known[task.task_id] = given_up


class FakePolicies:
    """Policies in a dictionary."""

    def __init__(self) -> None:
        self.known: dict[UUID, Policy] = {}

    async def get(self, practice_id: PracticeId, contract_id: ContractId) -> Policy | None:
        return self.known.get(contract_id)

    async def save(self, policy: Policy, *, replaces: int) -> bool:
        known = self.known.get(policy.contract_id)
        if (known.version if known else 0) != replaces:
            return False
        self.known[policy.contract_id] = policy
        return True

    async def remove(self, practice_id: PracticeId, contract_id: ContractId) -> bool:
        return self.known.pop(contract_id, None) is not None

    async def due(self, *, now: datetime, limit: int) -> list[DuePolicy]:
        return [
            DuePolicy(policy.practice_id, policy.contract_id)
            for policy in self.known.values()
            if policy.next_run_at is not None and policy.next_run_at <= now
        ][:limit]

    async def take(self, contract_id: UUID, *, now: datetime) -> Policy | None:
        policy = self.known.get(contract_id)
        is_due = policy and policy.next_run_at is not None and policy.next_run_at <= now
        return policy if is_due else None


class FakeUnitOfWork:
    """All repositories in memory, and the events that were recorded."""

    def __init__(self) -> None:
        self.practices = FakePractices()
        self.contracts = FakeContracts()
        self.orders = FakeOrders()
        self.invoices = FakeInvoices(self.orders)
        self.corrections = FakeCorrections(self.orders, self.invoices)
        self.arrivals = FakeArrivals(self.orders.known)
        self.leavings = FakeLeavings(self.orders.known)
        self.tasks = FakeTasks()
        self.policies = FakePolicies()
        self.recorded: list[DomainEvent] = []
        self.asked_to_stay = 0

    async def stay_awake(self) -> None:
        self.asked_to_stay += 1

    def record(self, event: DomainEvent) -> None:
        self.recorded.append(event)


@dataclass
class FakeArchive:
    """Documents in a dictionary, by hash."""

    held: dict[str, bytes] = field(default_factory=dict)
    arrivals: dict[str, Arrival] = field(default_factory=dict)
    damaged: set[str] = field(default_factory=set)

    def hold(self, data: bytes) -> None:
        self.held[hashlib.sha256(data).hexdigest()] = data

    async def issued_document(self, practice_id: PracticeId, content: StoredContent) -> bytes:
        if content.sha256 in self.damaged:
            raise PermanentError("the archive holds other bytes")
        return self._held(content)

    async def store_package(self, practice_id: PracticeId, package: memoryview) -> StoredContent:
        return self._put(practice_id, "order-package", bytes(package))

    async def package(self, practice_id: PracticeId, content: StoredContent) -> KeptPackage:
        return KeptPackage(self._held(content), date(2036, 12, 31))

    async def store_lines(
        self, practice_id: PracticeId, order_id: OrderId, lines: Sequence[OrderLine]
    ) -> StoredContent:
        return self._put(practice_id, "order-lines", lines_document(practice_id, order_id, lines))

    async def store_confirmation(
        self, practice_id: PracticeId, order_id: OrderId, lines: Sequence[ConfirmedLine]
    ) -> StoredContent:
        data = confirmation_document(practice_id, order_id, lines)
        return self._put(practice_id, "order-confirmation", data)

    async def arrival(self, practice_id: PracticeId, content: StoredContent) -> Arrival:
        return self.arrivals[content.sha256]

    def _held(self, content: StoredContent) -> bytes:
        if content.sha256 not in self.held:
            raise TransientError("the archive does not have it")
        return self.held[content.sha256]

    def _put(self, practice_id: PracticeId, kind: str, data: bytes) -> StoredContent:
        self.hold(data)
        digest = hashlib.sha256(data).hexdigest()
        return StoredContent(f"{practice_id}/{kind}/{digest}", digest, len(data), "any/any")
