"""What the passing of time sets in motion: sending, asking, fetching; a limit on each tick."""

from __future__ import annotations

from services.debident_gateway.domain.answers import AlreadyHaveIt
from services.debident_gateway.entrypoints.workshop import Workshop
from services.debident_gateway.handlers.abandon_attempt import AbandonAttempt, abandon_attempt
from services.debident_gateway.handlers.ask_about_order import AskAboutOrder, ask_about_order
from services.debident_gateway.handlers.fetch_deb_files import FetchDebFiles, fetch_deb_files
from services.debident_gateway.handlers.send_order import SendOrder, send_order
from services.debident_gateway.ports import DueContract, DueOrder
from shared.runtime.parts import Part
from shared.runtime.timers import SideBySide, repeating


def timers(workshop: Workshop) -> list[Part]:
    """Return the gateway's long-running parts; any number of processes may run them at once."""
    ticks = Ticks(workshop)
    table = {
        "send-orders": ticks.send_orders,
        "ask-about-orders": ticks.ask_about_orders,
        "fetch-deb-files": ticks.fetch_deb_files,
    }
    interval = workshop.pace.tick_interval_seconds
    return [
        repeating(name, tick, clock=workshop.clock, interval_seconds=interval)
        for name, tick in table.items()
    ]


class Ticks:
    """One tick of each timer; a tick looks what is due and works it with bounded parallelism."""

    def __init__(self, workshop: Workshop) -> None:
        self._workshop = workshop
        self._side_by_side = SideBySide(workshop.pace.parallel_calls)

    async def send_orders(self) -> int:
        """Turn abandoned attempts into doubts, then send what is due; return how many."""
        workshop, limit = self._workshop, self._workshop.pace.batch_size
        async with workshop.units.begin(None) as uow:
            now = workshop.clock.now()
            abandoned = await uow.transmissions.abandoned(now=now, limit=limit)
            due = await uow.transmissions.due_to_send(now=now, limit=limit)
        await self._side_by_side.each(abandoned, self._abandon)
        return await self._side_by_side.each(due, self._send)

    async def ask_about_orders(self) -> int:
        """Ask about every order whose time has come; return how many."""
        workshop = self._workshop
        async with workshop.units.begin(None) as uow:
            due = await uow.transmissions.due_to_ask(
                now=workshop.clock.now(), limit=workshop.pace.batch_size
            )
        return await self._side_by_side.each(due, self._ask)

    async def fetch_deb_files(self) -> int:
        """Look for new DEB files of every contract whose time has come; return how many."""
        workshop = self._workshop
        async with workshop.units.begin(None) as uow:
            due = await uow.deb_files.due(now=workshop.clock.now(), limit=workshop.pace.batch_size)
        return await self._side_by_side.each(due, self._fetch)

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
