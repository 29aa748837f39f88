"""Sets the deadline of an order on its way, and says once that it has passed without arrival."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from services.orders.domain.arrival_clock import (
    arrival_deadline,
    days_late,
    gone_overdue,
    running_clock,
)
from services.orders.domain.events import OrderOverdue
from services.orders.handlers.outcome import Outcome
from services.orders.ports import Holidays, UnitOfWork
from shared.kernel.clock import Clock
from shared.kernel.ids import OrderId, PracticeId


@dataclass(frozen=True, slots=True)
class WatchArrival:
    """Look at the arrival clock of this order."""

    order_id: OrderId
    practice_id: PracticeId


async def watch_arrival(
    command: WatchArrival, uow: UnitOfWork, holidays: Holidays, clock: Clock
) -> Outcome:
    """Keep the deadline by the present terms; once it has passed, flag the order and tell it.

    Any number of processes may call this for the same order: one of them tells it.
    """
    order = await uow.orders.get_for_update(command.practice_id, command.order_id)
    running = None if order is None else running_clock(order)
    if order is None or running is None or running.overdue_since is not None:
        return Outcome.ALREADY_DONE
    contract = await uow.contracts.get(order.practice_id, order.contract_id)
    practice = await uow.practices.get(order.practice_id)
    if contract is None:
        return Outcome.ALREADY_DONE
    deadline = arrival_deadline(
        running.since,
        contract.arrival_deadline_working_days,
        partial(holidays.is_holiday, canton=practice.canton if practice else None),
    )
    now = clock.now()
    if deadline <= now:
        await uow.orders.save(gone_overdue(order, deadline=deadline))
        uow.record(
            OrderOverdue(
                order_id=order.order_id,
                practice_id=order.practice_id,
                contract_id=order.contract_id,
                number=order.number,
                state=order.state,
                attempt=running.attempt,
                sent_at=running.since,
                deadline=deadline,
                days_late=days_late(deadline, now),
                invoice_count=order.invoice_count,
                total=order.total,
                noted_at=now,
            )
        )
    await uow.arrivals.set_deadline(order.order_id, deadline)
    return Outcome.DONE
