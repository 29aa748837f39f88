"""The gateway reports an attempt that did not end well: nothing left, or nobody knows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from services.orders.handlers.needs import needed_order
from services.orders.handlers.outcome import Outcome
from services.orders.ports import UnitOfWork
from shared.kernel.ids import ContractId, OrderId, PracticeId


@dataclass(frozen=True, slots=True)
class NoteSendFailure:
    """Note a failed or doubtful attempt.

    Attributes:
        may_have_left: whether the portal may have the order all the same.
    """

    order_id: OrderId
    practice_id: PracticeId
    contract_id: ContractId
    attempt: int
    may_have_left: bool
    reason_code: str
    next_attempt_at: datetime | None
    failed_at: datetime


async def note_send_failure(command: NoteSendFailure, uow: UnitOfWork) -> Outcome:
    """Keep the reason; a doubt makes the order "unknown" until something surer is known.

    Raises:
        TooEarlyError: the order is not known.
    """
    order = await needed_order(
        uow,
        practice_id=command.practice_id,
        order_id=command.order_id,
        contract_id=command.contract_id,
    )
    step = order.send_failed(
        attempt=command.attempt,
        at=command.failed_at,
        left=command.may_have_left,
        reason_code=command.reason_code,
        next_attempt_at=command.next_attempt_at,
    )
    await uow.orders.save(step)
    return Outcome.of(changed=not step.already_done)
