"""Sets the deadline of an order on its way, and says once that it has passed without arrival."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from services.orders.domain.arrival_clock import (
    arrival_deadline,
    days_late,
    gone_overdue,
    running_clock,
    trial_deadline,
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
    command: WatchArrival,
    uow: UnitOfWork,
    holidays: Holidays,
    clock: Clock,
    *,
    trial_day: timedelta | None = None,
) -> Outcome:
    """Keep the deadline by the present terms; once it has passed, flag the order and tell it.

    Any number of processes may call this for the same order: one of them tells it.

    Args:
        trial_day: how long a working day lasts in a trial; None: working days are the calendar's.
    """
    order = await uow.orders.get_for_update(command.practice_id, command.order_id)
    running = None if order is None else running_clock(order)
    if order is None or running is None or running.overdue_since is not None:
        return Outcome.ALREADY_DONE
    contract = await uow.contracts.get(order.practice_id, order.contract_id)
    if contract is None:
        return Outcome.ALREADY_DONE
    working_days = contract.arrival_deadline_working_days
    if trial_day is None:
        practice = await uow.practices.get(order.practice_id)
        canton = practice.canton if practice else None
        is_holiday = partial(holidays.is_holiday, canton=canton)
        deadline = arrival_deadline(running.since, working_days, is_holiday)
    else:
        deadline = trial_deadline(running.since, working_days, trial_day)
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
