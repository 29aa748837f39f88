"""The worker that books DEB files; any number of processes may run one."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass

from services.reconciliation.handlers.deb_lease import IsStopping, never
from services.reconciliation.handlers.work_deb_file import DebWorkshop, work_next_deb_file
from shared.kernel.errors import TransientError
from shared.runtime.parts import Part
from shared.runtime.timers import wait_for_tick, without_words

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
                await wait_for_tick(self.shop.clock, self.tick_seconds, stop)

    async def _tick_whatever_comes(self, stop: asyncio.Event) -> bool:
        try:
            return await self.tick(is_stopping=stop.is_set)
        except Exception as error:  # noqa: BLE001 - one file must not end the work of all others
            # The words of the error may quote the file's content.
            _LOG.error("a DEB file failed unexpectedly", extra=without_words(error))
            return False

    async def tick(self, *, is_stopping: IsStopping = never) -> bool:
        """Work one file; return whether there was one."""
        try:
            return await work_next_deb_file(self.shop, is_stopping=is_stopping)
        except TransientError as error:
            _LOG.warning("booking waits", extra={"error": type(error).__name__})
            return False


def parts(booker: DebBooker) -> tuple[Part, ...]:
    """Return the service's own long-running parts."""
    return (Part("deb-booking", booker.run),)
