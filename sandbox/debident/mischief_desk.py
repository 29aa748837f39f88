"""Decides how the portal misbehaves at an event: as was switched on, else as the plan says."""

from __future__ import annotations

from datetime import datetime, timedelta

from sandbox.debident.clock import RealTime
from sandbox.debident.misbehaviour import (
    AT_READINGS,
    AT_REQUESTS,
    AT_SIGN_INS,
    AT_UPLOADS,
    Misbehaviour,
    misbehaviour_from,
)
from sandbox.debident.mischief import (
    ARRIVAL,
    ASK,
    FILE,
    FILE_FLAWS,
    READING,
    RENAME,
    SIGN_IN,
    UPLOAD,
    Draw,
    Plan,
)
from sandbox.debident.store import Store

_SWITCHES = "misbehaviour"
_NUMBERS = "mischief-numbers"
_PREVIEWED = 20
_DONE_SHOWN = 100
_OUTAGE = "planned-outage"
_FIRST_ONLY = {
    UPLOAD: AT_UPLOADS,
    ASK: AT_REQUESTS,
    SIGN_IN: AT_SIGN_INS,
    READING: AT_READINGS,
    RENAME: AT_UPLOADS,
    ARRIVAL: ("refuse_arrival",),
}


class MischiefDesk:
    """The switches, the plan, and what has been done; all of it survives a restart."""

    def __init__(
        self, store: Store, plan: Plan | None, *, at_first: Misbehaviour, real: RealTime
    ) -> None:
        self._store = store
        self._plan = plan
        self._real = real
        if self._store.read_note(_SWITCHES) is None:
            self.switch(at_first)

    def switches(self) -> Misbehaviour:
        """Return the switches as they stand."""
        return misbehaviour_from(self._store.read_note(_SWITCHES) or {})

    def switch(self, switches: Misbehaviour) -> None:
        """Set all switches."""
        self._store.write_note(_SWITCHES, switches.to_json())

    def down(self) -> str | None:
        """Return how the portal is down: as was switched on, or by an outage of the plan."""
        switched = self.switches().down
        note = self._store.read_note(_OUTAGE)
        if switched is not None or not isinstance(note, dict):
            return switched
        return str(note["how"]) if self._real() < datetime.fromisoformat(note["until"]) else None

    def draw(self, event: str, *, at: datetime) -> Draw:
        """Count an event, and return what it meets; of a file, all that is switched on at once."""
        with self._store.transaction():
            numbers = self._numbers()
            numbers[event] = numbers.get(event, 0) + 1
            self._store.write_note(_NUMBERS, numbers)
            draw = Draw(numbers[event], frozenset(self._names(event, numbers[event])))
            if self._plan is not None and draw.has("down"):
                how, seconds = self._plan.outage_for(event, draw.number)
                until = self._real() + timedelta(seconds=seconds)
                self._store.write_note(_OUTAGE, {"how": how, "until": until.isoformat()})
            self._store.run_many(
                "INSERT INTO mischief (at, event, number, name) VALUES (?, ?, ?, ?)",
                [
                    (at.isoformat(), event, draw.number, name.replace("_", "-"))
                    for name in sorted(draw.names)
                ],
            )
        return draw

    def _names(self, event: str, number: int) -> set[str]:
        switches = self.switches()
        candidates = FILE_FLAWS if event == FILE else _FIRST_ONLY.get(event, ())
        names = [name for name in candidates if switches.has(name)]
        if event != FILE:
            names = names[:1]
        for name in names:
            switches = switches.less(name)
        if names:
            self.switch(switches)
            return set(names)
        planned = self._plan.name_for(event, number) if self._plan else None
        return {planned} if planned else set()

    def _numbers(self) -> dict[str, int]:
        note = self._store.read_note(_NUMBERS)
        return (
            {str(event): int(count) for event, count in note.items()}
            if isinstance(note, dict)
            else {}
        )

    def overview(self) -> dict[str, object]:
        """Return the switches, the plan with what comes next, and what was done last."""
        done = self._store.rows(
            "SELECT at, event, number, name FROM mischief ORDER BY place DESC LIMIT ?", _DONE_SHOWN
        )
        return {
            "switches": self.switches().to_json(),
            "plan": self._plan.to_text() if self._plan else None,
            "next": self.preview(),
            "done": [dict(row) for row in done],
        }

    def preview(self) -> dict[str, list[str]]:
        """Return what the next events of each kind meet by the plan; empty without one."""
        if self._plan is None:
            return {}
        return self._plan.preview(first=self._numbers(), count=_PREVIEWED)
