"""What orders has to tell the others."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from services.orders.domain.model import ArrivalEvidence, StoredContent
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


DomainEvent = OrderPrepared | OrderConfirmed
