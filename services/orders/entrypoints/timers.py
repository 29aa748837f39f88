"""What the passing of time sets in motion: policies fill the queue, and the queue is worked."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import TypeVar

from services.orders.domain.policy import DuePolicy
from services.orders.domain.task import DueTask
from services.orders.entrypoints.workshop import Workshop
from services.orders.handlers.run_policy import RunPolicy, run_policy
from services.orders.handlers.work_task import WorkTask, work_task
from shared.kernel.context import WorkContext, working_on
from shared.kernel.errors import TransientError
from shared.kernel.ids import new_id
from shared.runtime.parts import Part

_LOG = logging.getLogger(__name__)
D = TypeVar("D", DueTask, DuePolicy)


def timers(workshop: Workshop) -> list[Part]:
    """Return the long-running parts of orders; any number of processes may run them at once."""
    ticks = Ticks(workshop)
    table = {"run-order-policies": ticks.run_policies, "prepare-queued-orders": ticks.work_tasks}
    return [Part(name, _repeat(name, tick, workshop)) for name, tick in table.items()]


class Ticks:
    """One tick of each timer; what it finds due is worked with bounded parallelism."""

    def __init__(self, workshop: Workshop) -> None:
        self._workshop = workshop
        self._places = asyncio.Semaphore(workshop.pace.parallel_orders)

    async def run_policies(self) -> int:
        """Put the orders of every due policy into the queue; return how many were due."""
        workshop = self._workshop
        async with workshop.units.begin(None) as uow:
            due = await uow.policies.due(now=workshop.clock.now(), limit=workshop.pace.batch_size)
        return await self._each(due, self._run)

    async def work_tasks(self) -> int:
        """Work every task whose time has come; return how many were due."""
        workshop = self._workshop
        async with workshop.units.begin(None) as uow:
            due = await uow.tasks.due(now=workshop.clock.now(), limit=workshop.pace.batch_size)
        return await self._each(due, self._work)

    async def _run(self, due: DuePolicy) -> None:
        workshop = self._workshop
        command = RunPolicy(due.practice_id, due.contract_id)
        async with workshop.units.begin(due.practice_id) as uow:
            await run_policy(command, uow, workshop.holidays, workshop.clock)

    async def _work(self, due: DueTask) -> None:
        workshop = self._workshop
        command = WorkTask(due.task_id, due.practice_id)
        await work_task(command, workshop.units, workshop.archive, workshop.clock)

    async def _each(self, due: Sequence[D], work: Callable[[D], Awaitable[None]]) -> int:
        """Work every item; what fails is due again at a later tick, and stops no other."""
        results = await asyncio.gather(
            *(self._in_place(item, work) for item in due), return_exceptions=True
        )
        for result in results:
            if isinstance(result, TransientError):
                _LOG.warning("put off", extra={"reason": str(result)[:200]})
            elif isinstance(result, Exception):
                _LOG.error("failed unexpectedly, tried again", exc_info=result)
            elif isinstance(result, BaseException):
                raise result
        return len(due)

    async def _in_place(self, item: D, work: Callable[[D], Awaitable[None]]) -> None:
        async with self._places:
            with working_on(WorkContext(correlation_id=str(new_id()))):
                await work(item)


def _repeat(
    name: str, tick: Callable[[], Awaitable[int]], workshop: Workshop
) -> Callable[[asyncio.Event], Coroutine[object, object, None]]:
    async def run(stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                await tick()
            except TransientError as error:
                _LOG.warning(
                    "a tick was put off", extra={"timer": name, "reason": str(error)[:200]}
                )
            await _pause(workshop, stop)

    return run


async def _pause(workshop: Workshop, stop: asyncio.Event) -> None:
    waits = [
        asyncio.ensure_future(workshop.clock.sleep(workshop.pace.tick_interval_seconds)),
        asyncio.ensure_future(stop.wait()),
    ]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)
