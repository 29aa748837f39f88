"""What the passing of time sets in motion: sending, asking, fetching; a limit on each tick."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import TypeVar

from services.debident_gateway.domain.answers import AlreadyHaveIt
from services.debident_gateway.entrypoints.workshop import Workshop
from services.debident_gateway.handlers.abandon_attempt import AbandonAttempt, abandon_attempt
from services.debident_gateway.handlers.ask_about_order import AskAboutOrder, ask_about_order
from services.debident_gateway.handlers.fetch_deb_files import FetchDebFiles, fetch_deb_files
from services.debident_gateway.handlers.send_order import SendOrder, send_order
from services.debident_gateway.ports import DueContract, DueOrder
from shared.kernel.context import WorkContext, working_on
from shared.kernel.errors import TransientError
from shared.kernel.ids import new_id
from shared.runtime.parts import Part

_LOG = logging.getLogger(__name__)
D = TypeVar("D", DueOrder, DueContract)


def timers(workshop: Workshop) -> list[Part]:
    """Return the gateway's long-running parts; any number of processes may run them at once."""
    ticks = Ticks(workshop)
    table = {
        "send-orders": ticks.send_orders,
        "ask-about-orders": ticks.ask_about_orders,
        "fetch-deb-files": ticks.fetch_deb_files,
    }
    return [Part(name, _repeat(name, tick, workshop)) for name, tick in table.items()]


class Ticks:
    """One tick of each timer; a tick looks what is due and works it with bounded parallelism."""

    def __init__(self, workshop: Workshop) -> None:
        self._workshop = workshop
        self._places = asyncio.Semaphore(workshop.pace.parallel_calls)

    async def send_orders(self) -> int:
        """Turn abandoned attempts into doubts, then send what is due; return how many."""
        workshop, limit = self._workshop, self._workshop.pace.batch_size
        async with workshop.units.begin(None) as uow:
            now = workshop.clock.now()
            abandoned = await uow.transmissions.abandoned(now=now, limit=limit)
            due = await uow.transmissions.due_to_send(now=now, limit=limit)
        await self._each(abandoned, self._abandon)
        return await self._each(due, self._send)

    async def ask_about_orders(self) -> int:
        """Ask about every order whose time has come; return how many."""
        workshop = self._workshop
        async with workshop.units.begin(None) as uow:
            due = await uow.transmissions.due_to_ask(
                now=workshop.clock.now(), limit=workshop.pace.batch_size
            )
        return await self._each(due, self._ask)

    async def fetch_deb_files(self) -> int:
        """Look for new DEB files of every contract whose time has come; return how many."""
        workshop = self._workshop
        async with workshop.units.begin(None) as uow:
            due = await uow.deb_files.due(now=workshop.clock.now(), limit=workshop.pace.batch_size)
        return await self._each(due, self._fetch)

    async def _abandon(self, due: DueOrder) -> None:
        workshop = self._workshop
        async with workshop.units.begin(due.practice_id) as uow:
            await abandon_attempt(
                AbandonAttempt(due.order_id), uow, clock=workshop.clock, policy=workshop.policy
            )

    async def _send(self, due: DueOrder) -> None:
        workshop = self._workshop
        outcome = await send_order(
            SendOrder(due.order_id, due.practice_id),
            workshop.units,
            workshop.portal,
            workshop.documents,
            clock=workshop.clock,
            policy=workshop.policy,
        )
        if isinstance(outcome, AlreadyHaveIt):
            await self._ask(due)

    async def _ask(self, due: DueOrder) -> None:
        workshop = self._workshop
        await ask_about_order(
            AskAboutOrder(due.order_id, due.practice_id),
            workshop.units,
            workshop.portal,
            workshop.documents,
            clock=workshop.clock,
            policy=workshop.policy,
        )

    async def _fetch(self, due: DueContract) -> None:
        workshop = self._workshop
        await fetch_deb_files(
            FetchDebFiles(due.contract_id, due.practice_id),
            workshop.units,
            workshop.portal,
            workshop.documents,
            clock=workshop.clock,
            policy=workshop.policy,
        )

    async def _each(self, due: Sequence[D], work: Callable[[D], Awaitable[None]]) -> int:
        """Work every item; what fails for a passing reason is due again at a later tick."""
        results = await asyncio.gather(
            *(self._in_place(item, work) for item in due), return_exceptions=True
        )
        for result in results:
            if isinstance(result, TransientError):
                _LOG.warning("put off", extra={"reason": str(result)[:200]})
            elif isinstance(result, BaseException):
                raise result
        return len(due)

    async def _in_place(self, item: D, work: Callable[[D], Awaitable[None]]) -> None:
        correlation_id = getattr(item, "correlation_id", None) or str(new_id())
        async with self._places:
            with working_on(WorkContext(correlation_id=correlation_id)):
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
