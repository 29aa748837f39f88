"""Writes down that an order is to be sent; nothing leaves here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.debident_gateway.domain.manual import MANUAL_ADAPTER
from services.debident_gateway.domain.model import StoredContent
from services.debident_gateway.domain.transmission import Move, Transmission
from services.debident_gateway.ports import UnitOfWork
from shared.kernel.clock import Clock
from shared.kernel.errors import TooEarlyError


@dataclass(frozen=True, slots=True)
class IntendTransmission:
    """An order was prepared: its package is frozen and may be sent."""

    order_id: UUID
    practice_id: UUID
    contract_id: UUID
    order_number: str
    invoice_count: int
    package: StoredContent
    lines: StoredContent
    prepared_at: datetime


async def intend_transmission(command: IntendTransmission, uow: UnitOfWork, clock: Clock) -> Move:
    """Record the intent once per order id; the same order again is "already made".

    Raises:
        TooEarlyError: the contract is not known yet; it comes from the practice's own events.
    """
    terms = await uow.contracts.get(command.contract_id)
    if terms is None:
        raise TooEarlyError(
            "the contract of this order is not known yet", waits_for=str(command.practice_id)
        )
    transmission = Transmission(
        order_id=command.order_id,
        practice_id=command.practice_id,
        contract_id=command.contract_id,
        order_number=command.order_number,
        invoice_count=command.invoice_count,
        package=command.package,
        lines=command.lines,
        prepared_at=command.prepared_at,
        next_action_at=clock.now(),
    )
    if terms.adapter == MANUAL_ADAPTER:
        # A person's task from the first moment; a tick looks again in case the contract changes.
        transmission.hold(f"contract-uses-{MANUAL_ADAPTER}", until=clock.now())
    return Move.MADE if await uow.transmissions.add(transmission) else Move.ALREADY_MADE
