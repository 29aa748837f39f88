"""What the passing of time sets in motion: policies fill the queue, and the queue is worked."""

from __future__ import annotations

from services.orders.domain.arrival_clock import DueArrival
from services.orders.domain.leaving import DueLeaving
from services.orders.domain.policy import DuePolicy
from services.orders.domain.task import DueTask
from services.orders.entrypoints.workshop import Workshop
from services.orders.handlers.run_policy import RunPolicy, run_policy
from services.orders.handlers.watch_arrival import WatchArrival, watch_arrival
from services.orders.handlers.watch_leaving import WatchLeaving, watch_leaving
from services.orders.handlers.work_task import WorkTask, work_task
from shared.runtime.parts import Part
from shared.runtime.timers import SideBySide, repeating


def timers(workshop: Workshop) -> list[Part]:
    """Return the long-running parts of orders; any number of processes may run them at once."""
    ticks = Ticks(workshop)
    table = {
        "run-order-policies": ticks.run_policies,
        "prepare-queued-orders": ticks.work_tasks,
        "watch-arrivals": ticks.watch_arrivals,
        "watch-leavings": ticks.watch_leavings,
    }
    interval = workshop.pace.tick_interval_seconds
    return [
        repeating(name, tick, clock=workshop.clock, interval_seconds=interval)
        for name, tick in table.items()
    ]


class Ticks:
    """One tick of each timer; what it finds due is worked with bounded parallelism."""

    def __init__(self, workshop: Workshop) -> None:
        self._workshop = workshop
        self._side_by_side = SideBySide(workshop.pace.parallel_orders)

    async def run_policies(self) -> int:
        """Put the orders of every due policy into the queue; return how many were due."""
        workshop = self._workshop
        async with workshop.units.begin(None) as uow:
            due = await uow.policies.due(now=workshop.clock.now(), limit=workshop.pace.batch_size)
        return await self._side_by_side.each(due, self._run)

    async def work_tasks(self) -> int:
        """Work every task whose time has come; return how many were due."""
        workshop = self._workshop
        async with workshop.units.begin(None) as uow:
            due = await uow.tasks.due(now=workshop.clock.now(), limit=workshop.pace.batch_size)
        return await self._side_by_side.each(due, self._work)

    async def watch_arrivals(self) -> int:
        """Set deadlines, and flag the orders whose deadline has passed; return how many."""
        workshop = self._workshop
        async with workshop.units.begin(None) as uow:
            due = await uow.arrivals.due(now=workshop.clock.now(), limit=workshop.pace.batch_size)
        return await self._side_by_side.each(due, self._watch)

    async def watch_leavings(self) -> int:
        """Tell of orders that do not leave, and that they moved on; return how many were due."""
        workshop = self._workshop
        async with workshop.units.begin(None) as uow:
            due = await uow.leavings.due(now=workshop.clock.now(), limit=workshop.pace.batch_size)
        return await self._side_by_side.each(due, self._watch_leaving)

    async def _watch_leaving(self, due: DueLeaving) -> None:
        workshop = self._workshop
        command = WatchLeaving(due.order_id, due.practice_id)
        async with workshop.units.begin(due.practice_id) as uow:
            await watch_leaving(
                command,
                uow,
                workshop.holidays,
                workshop.clock,
                trial_day=workshop.pace.trial_day,
            )

    async def _watch(self, due: DueArrival) -> None:
        workshop = self._workshop
        command = WatchArrival(due.order_id, due.practice_id)
        async with workshop.units.begin(due.practice_id) as uow:
            await watch_arrival(
                command,
                uow,
                workshop.holidays,
                workshop.clock,
                trial_day=workshop.pace.trial_day,
            )

    async def _run(self, due: DuePolicy) -> None:
        workshop = self._workshop
        command = RunPolicy(due.practice_id, due.contract_id)
        async with workshop.units.begin(due.practice_id) as uow:
            await run_policy(command, uow, workshop.holidays, workshop.clock)

    async def _work(self, due: DueTask) -> None:
        workshop = self._workshop
        command = WorkTask(due.task_id, due.practice_id)
        await work_task(command, workshop.units, workshop.archive, workshop.clock)
