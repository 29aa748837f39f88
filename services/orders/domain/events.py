"""What orders has to tell the others."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from services.orders.domain.credit_note import ReleasedCreditNote
from services.orders.domain.model import ArrivalEvidence, StoredContent
from services.orders.domain.order import OrderState
from shared.kernel.ids import ContractId, OrderId, PracticeId
from shared.kernel.money import Money


@dataclass(frozen=True, slots=True)
class OrderPrepared:
    """An order's package is frozen and may be sent; the gate is closed."""

    order_id: OrderId
    practice_id: PracticeId
    contract_id: ContractId
    number: str
    invoice_count: int
    total: Money
    package: StoredContent
    lines: StoredContent
    prepared_at: datetime


@dataclass(frozen=True, slots=True)
class OrderConfirmed:
    """The order has demonstrably arrived; its accepted invoices may be acquitted (P1)."""

    order_id: OrderId
    practice_id: PracticeId
    contract_id: ContractId
    number: str
    accepted_count: int
    accepted_total: Money
    refused_count: int
    confirmation: StoredContent
    evidence: ArrivalEvidence
    confirmed_at: datetime


@dataclass(frozen=True, slots=True)
class OrderWithdrawalRequested:
    """A person wants the order back; the gateway decides whether that is still possible."""

    order_id: OrderId
    practice_id: PracticeId
    contract_id: ContractId
    requested_at: datetime


@dataclass(frozen=True, slots=True)
class OrderWithdrawn:
    """Nothing of the order has left or will; its invoices are free again and the gate is open."""

    order_id: OrderId
    practice_id: PracticeId
    contract_id: ContractId
    number: str
    withdrawn_at: datetime


@dataclass(frozen=True, slots=True)
class CreditNoteReleased:
    """A credit note goes into no order, for the factor does not have its invoice."""

    note: ReleasedCreditNote
    released_on: date


@dataclass(frozen=True, slots=True)
class OrderClosed:
    """Nothing more is expected of the order."""

    order_id: OrderId
    practice_id: PracticeId
    contract_id: ContractId
    number: str
    closed_at: datetime


@dataclass(frozen=True, slots=True)
class OrderOverdue:
    """The order should have arrived by its deadline, and has not.

    Attributes:
        attempt: the sending that is overdue.
        sent_at: when the portal took it, or when it became doubtful whether it had.
        days_late: Swiss calendar days since the deadline's day.
    """

    order_id: OrderId
    practice_id: PracticeId
    contract_id: ContractId
    number: str
    state: OrderState
    attempt: int
    sent_at: datetime
    deadline: datetime
    days_late: int
    invoice_count: int
    total: Money
    noted_at: datetime


@dataclass(frozen=True, slots=True)
class OrderNotLeaving:
    """The order does not leave, and a person should know.

    Attributes:
        round: counts how often it is told of the order.
        since: since when it has waited, or is held.
        may_have_left: whether an earlier sending of it is or was in doubt.
    """

    order_id: OrderId
    practice_id: PracticeId
    contract_id: ContractId
    number: str
    round: int
    reason_code: str
    since: datetime
    may_have_left: bool
    invoice_count: int
    total: Money
    noted_at: datetime


@dataclass(frozen=True, slots=True)
class OrderMovedOn:
    """An order that did not leave waits no longer.

    Attributes:
        round: the last that was told of it.
    """

    order_id: OrderId
    practice_id: PracticeId
    contract_id: ContractId
    round: int
    state: OrderState
    moved_on_at: datetime


DomainEvent = (
    OrderPrepared
    | OrderNotLeaving
    | OrderMovedOn
    | OrderConfirmed
    | OrderWithdrawalRequested
    | OrderWithdrawn
    | OrderClosed
    | OrderOverdue
    | CreditNoteReleased
)
