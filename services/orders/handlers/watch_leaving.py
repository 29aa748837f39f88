"""Says once that an order does not leave, and once that it has moved on after all."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from services.orders.domain.arrival_clock import arrival_deadline, trial_deadline
from services.orders.domain.events import OrderMovedOn, OrderNotLeaving
from services.orders.domain.leaving import (
    BY_HAND,
    Leaving,
    concerns,
    has_moved_on,
    latest_attempt,
    may_have_left,
    waits_since,
    why_not,
)
from services.orders.domain.order import Order, OrderState
from services.orders.handlers.needs import needed_order
from services.orders.handlers.outcome import Outcome
from services.orders.ports import Holidays, UnitOfWork
from shared.kernel.clock import Clock
from shared.kernel.ids import ContractId, OrderId, PracticeId


@dataclass(frozen=True, slots=True)
class WatchLeaving:
    """Look at whether this order leaves."""

    order_id: OrderId
    practice_id: PracticeId


@dataclass(frozen=True, slots=True)
class NoteOrderHeld:
    """The gateway says that this order waits for a person."""

    order_id: OrderId
    practice_id: PracticeId
    contract_id: ContractId
    reason_code: str
    held_at: datetime


async def note_order_held(command: NoteOrderHeld, uow: UnitOfWork, clock: Clock) -> Outcome:
    """Keep the reason and tell it at once; an order that goes by hand is given its time first.

    Raises:
        TooEarlyError: the order is not known.
    """
    order = await needed_order(
        uow,
        practice_id=command.practice_id,
        order_id=command.order_id,
        contract_id=command.contract_id,
    )
    if not concerns(order, command.reason_code):
        return Outcome.ALREADY_DONE
    known = await uow.leavings.get(order)
    leaving = known.held(command.reason_code, at=command.held_at)
    if command.reason_code not in {BY_HAND, known.open_reason}:
        leaving = _told(order, leaving, command.reason_code, uow, clock, since=command.held_at)
    await uow.leavings.save(leaving)
    return Outcome.DONE


async def watch_leaving(
    command: WatchLeaving,
    uow: UnitOfWork,
    holidays: Holidays,
    clock: Clock,
    *,
    trial_day: timedelta | None = None,
) -> Outcome:
    """Keep by when the order should have left; tell that it has not, or that it moved on.

    Any number of processes may call this for the same order: one of them tells it.

    Args:
        trial_day: how long a working day lasts in a trial; None: working days are the calendar's.
    """
    order = await uow.orders.get_for_update(command.practice_id, command.order_id)
    if order is None:
        return Outcome.ALREADY_DONE
    leaving = await uow.leavings.get(order)
    if leaving.open_reason is not None:
        return await _end_if_over(order, leaving, uow, clock)
    deadline = await _deadline(order, uow, holidays, trial_day)
    if order.state is not OrderState.PREPARED or deadline is None:
        return Outcome.ALREADY_DONE
    leaving = replace(leaving, deadline=deadline)
    if deadline <= clock.now():
        reason = why_not(order, leaving)
        leaving = _told(order, leaving, reason, uow, clock, since=waits_since(order))
    await uow.leavings.save(leaving)
    return Outcome.DONE


async def _end_if_over(order: Order, leaving: Leaving, uow: UnitOfWork, clock: Clock) -> Outcome:
    if not has_moved_on(order, leaving):
        return Outcome.ALREADY_DONE
    uow.record(
        OrderMovedOn(
            order_id=order.order_id,
            practice_id=order.practice_id,
            contract_id=order.contract_id,
            round=leaving.told,
            state=order.state,
            moved_on_at=clock.now(),
        )
    )
    await uow.leavings.save(leaving.end())
    return Outcome.DONE


async def _deadline(
    order: Order, uow: UnitOfWork, holidays: Holidays, trial_day: timedelta | None
) -> datetime | None:
    contract = await uow.contracts.get(order.practice_id, order.contract_id)
    if contract is None:
        return None
    since, working_days = waits_since(order), contract.arrival_deadline_working_days
    if trial_day is not None:
        return trial_deadline(since, working_days, trial_day)
    practice = await uow.practices.get(order.practice_id)
    canton = practice.canton if practice else None
    return arrival_deadline(since, working_days, partial(holidays.is_holiday, canton=canton))


def _told(
    order: Order, leaving: Leaving, reason: str, uow: UnitOfWork, clock: Clock, *, since: datetime
) -> Leaving:
    told = leaving.tell(reason, since=since, attempt=latest_attempt(order))
    uow.record(
        OrderNotLeaving(
            order_id=order.order_id,
            practice_id=order.practice_id,
            contract_id=order.contract_id,
            number=order.number,
            round=told.told,
            reason_code=reason,
            since=told.open_since or since,
            may_have_left=may_have_left(order),
            invoice_count=order.invoice_count,
            total=order.total,
            noted_at=clock.now(),
        )
    )
    return told
