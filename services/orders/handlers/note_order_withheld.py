"""The gateway says that nothing of an order has left and nothing will: it is withdrawn."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from services.orders.domain.events import OrderWithdrawn
from services.orders.domain.order import Order
from services.orders.domain.task import REST_OF_AN_ORDER, Task
from services.orders.handlers.needs import needed_order
from services.orders.handlers.outcome import Outcome
from services.orders.handlers.release_credit_notes import release_credit_notes
from services.orders.ports import UnitOfWork
from shared.kernel.clock import SWISS_TIME
from shared.kernel.ids import ContractId, OrderId, PracticeId, derived_id


@dataclass(frozen=True, slots=True)
class NoteOrderWithheld:
    """Note the gateway's promise not to send an order."""

    order_id: OrderId
    practice_id: PracticeId
    contract_id: ContractId
    withheld_at: datetime


async def note_order_withheld(command: NoteOrderWithheld, uow: UnitOfWork) -> Outcome:
    """Withdraw the order and free what it held; this opens the gate. Repeated: already done.

    Of an order that was wanted for some of its invoices only, the others are queued to be prepared
    anew, with what the factor was to be told.

    Raises:
        TooEarlyError: the order is not known.
        IllegalMoveError: nobody asked for it, or something had left before.
    """
    order = await needed_order(
        uow,
        practice_id=command.practice_id,
        order_id=command.order_id,
        contract_id=command.contract_id,
    )
    step = order.withheld(at=command.withheld_at)
    if step.already_done:
        return Outcome.ALREADY_DONE
    await uow.orders.save(step)
    await uow.orders.free_lines(order.order_id)
    await uow.corrections.free_credit_notes(order.order_id)
    day = command.withheld_at.astimezone(SWISS_TIME).date()
    await release_credit_notes(order.practice_id, uow, on=day, order_id=order.order_id)
    uow.record(
        OrderWithdrawn(
            order_id=order.order_id,
            practice_id=order.practice_id,
            contract_id=order.contract_id,
            number=order.number,
            withdrawn_at=command.withheld_at,
        )
    )
    if order.is_wanted_for_an_invoice and await uow.orders.rest_of(order.order_id):
        await uow.tasks.add([_rest(order, at=command.withheld_at)])
    return Outcome.DONE


def _rest(order: Order, *, at: datetime) -> Task:
    task_id = derived_id("rest-of-order", order.order_id)
    return Task(
        task_id=task_id,
        batch_id=task_id,
        practice_id=order.practice_id,
        contract_id=order.contract_id,
        asked_by=REST_OF_AN_ORDER,
        asked_at=at,
        next_try_at=at,
        communication=order.communication,
        notices=order.notices,
        instead_of=order.order_id,
    )
