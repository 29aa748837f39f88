"""The gateway reports that the portal took the order's bytes. It has not arrived by that."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from services.orders.handlers.needs import needed_order
from services.orders.handlers.outcome import Outcome
from services.orders.ports import UnitOfWork
from shared.kernel.ids import ContractId, OrderId, PracticeId


@dataclass(frozen=True, slots=True)
class NoteOrderSent:
    """Note an attempt that the portal took."""

    order_id: OrderId
    practice_id: PracticeId
    contract_id: ContractId
    attempt: int
    portal_reference: str
    package_sha256: str
    sent_at: datetime


async def note_order_sent(command: NoteOrderSent, uow: UnitOfWork) -> Outcome:
    """Move the order to "sent"; repeated, or after the arrival, it is already done.

    Raises:
        TooEarlyError: the order is not known.
        WrongPackageError: other bytes than the order's package were sent.
    """
    order = await needed_order(
        uow,
        practice_id=command.practice_id,
        order_id=command.order_id,
        contract_id=command.contract_id,
    )
    step = order.sent(
        attempt=command.attempt,
        at=command.sent_at,
        reference=command.portal_reference,
        package_sha256=command.package_sha256,
    )
    await uow.orders.save(step)
    return Outcome.of(changed=not step.already_done)
