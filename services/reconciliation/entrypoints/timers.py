"""The worker that books DEB files; any number of processes may run one."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass

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
        """Work until asked to stop; the file in hand goes on to its end, or to its next batch."""
        while not stop.is_set():
            if not await self.tick():
                await _wait(self.shop, stop, self.tick_seconds)

    async def tick(self) -> bool:
        """Work one file; return whether there was one."""
        try:
            return await work_next_deb_file(self.shop)
        except TransientError as error:
            _LOG.warning("booking waits", extra={"error": str(error)[:200]})
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
