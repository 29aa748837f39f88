"""The part that watches the dunning brakes; any number of processes may run one."""

from __future__ import annotations

from uuid import UUID

from services.reconciliation.handlers.watch_dunning import (
    DunningWatch,
    changed_brakes,
    tell_brake,
)
from shared.kernel.clock import Clock
from shared.runtime.parts import Part
from shared.runtime.timers import SideBySide, repeating


class DunningWatcher:
    """Looks over all practices, and tells each changed verdict in a transaction of its own."""

    def __init__(self, watch: DunningWatch) -> None:
        self._watch = watch
        self._one_by_one = SideBySide(1)

    async def tick(self) -> int:
        """Tell what changed; return how many practices were looked at again."""
        return await self._one_by_one.each(await changed_brakes(self._watch), self._tell)

    async def _tell(self, practice_id: UUID) -> None:
        await tell_brake(practice_id, self._watch)


def dunning_part(watcher: DunningWatcher, clock: Clock, tick_seconds: float) -> Part:
    """Return the long-running part."""
    return repeating("watch-dunning", watcher.tick, clock=clock, interval_seconds=tick_seconds)
