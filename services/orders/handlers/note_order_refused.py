"""The portal refused the whole order: what it held is free again, with the factor's reason."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from services.orders.handlers.needs import needed_order
from services.orders.handlers.outcome import Outcome
from services.orders.handlers.release_credit_notes import release_credit_notes
from services.orders.ports import UnitOfWork
from shared.kernel.clock import SWISS_TIME
from shared.kernel.ids import ContractId, OrderId, PracticeId


@dataclass(frozen=True, slots=True)
class NoteOrderRefused:
    """Note that nothing of an order was taken over."""

    order_id: OrderId
    practice_id: PracticeId
    contract_id: ContractId
    reason_code: str
    refused_at: datetime


async def note_order_refused(command: NoteOrderRefused, uow: UnitOfWork) -> Outcome:
    """Refuse the order and free what it held; this opens the gate. Repeated: already done.

    Raises:
        TooEarlyError: the order is not known.
        IllegalMoveError: the order arrived before.
    """
    order = await needed_order(
        uow,
        practice_id=command.practice_id,
        order_id=command.order_id,
        contract_id=command.contract_id,
    )
    step = order.refused(at=command.refused_at, reason_code=command.reason_code)
    if step.already_done:
        return Outcome.ALREADY_DONE
    await uow.orders.save(step)
    await uow.orders.refuse_lines(order.order_id, refusal_code=command.reason_code)
    await uow.corrections.free_credit_notes(order.order_id)
    day = command.refused_at.astimezone(SWISS_TIME).date()
    await release_credit_notes(order.practice_id, uow, on=day, order_id=order.order_id)
    return Outcome.DONE
