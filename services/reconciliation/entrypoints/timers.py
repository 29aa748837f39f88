"""The worker that books DEB files; any number of processes may run one."""

from __future__ import annotations

import asyncio
import logging
import traceback
from dataclasses import dataclass

from services.reconciliation.handlers.deb_lease import IsStopping, never
from services.reconciliation.handlers.work_deb_file import DebWorkshop, work_next_deb_file
from shared.kernel.errors import TransientError
from shared.runtime.parts import Part

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DebBooker:
    """Takes up one DEB file after the other; waits a tick when there is none."""

    shop: DebWorkshop
    tick_seconds: float

    async def run(self, stop: asyncio.Event) -> None:
        """Work until asked to stop; the file in hand is given back after its present batch.

        A file that fails in a way nobody thought of is left under its lease and tried again after
        it; the files of other practices go on.
        """
        while not stop.is_set():
            if not await self._tick_whatever_comes(stop):
                await _wait(self.shop, stop, self.tick_seconds)

    async def _tick_whatever_comes(self, stop: asyncio.Event) -> bool:
        try:
            return await self.tick(is_stopping=stop.is_set)
        except Exception as error:  # noqa: BLE001 - one file must not end the work of all others
            # Without the error's own words: they may quote the file's content.
            where = "".join(traceback.format_tb(error.__traceback__))
            facts = {"error": type(error).__name__, "where": where}
            _LOG.error("a DEB file failed unexpectedly", extra=facts)
            return False

    async def tick(self, *, is_stopping: IsStopping = never) -> bool:
        """Work one file; return whether there was one."""
        try:
            return await work_next_deb_file(self.shop, is_stopping=is_stopping)
        except TransientError as error:
            _LOG.warning("booking waits", extra={"error": type(error).__name__})
            return False


async def _wait(shop: DebWorkshop, stop: asyncio.Event, seconds: float) -> None:
    """Wait a tick of the clock, or until asked to stop."""
    waits = {
        asyncio.ensure_future(shop.clock.sleep(seconds)),
        asyncio.ensure_future(stop.wait()),
    }
    _, open_waits = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for wait in open_waits:
        wait.cancel()
    await asyncio.gather(*waits, return_exceptions=True)


def parts(booker: DebBooker) -> tuple[Part, ...]:
    """Return the service's own long-running parts."""
    return (Part("deb-booking", booker.run),)
